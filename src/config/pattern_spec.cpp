#include "config/pattern_spec.h"

#include "config/error.h"
#include "config/names.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

constexpr PatternAxes dense_axes{};
constexpr PatternAxes dilated_axes{.placement = Placement::tiles,
                                   .heads = HeadRule::first,
                                   .offset = OffsetRule::pair,
                                   .queries = QueryRule::dilated,
                                   .keys = KeyRule::dilated,
                                   .join = JoinRule::groups};
constexpr PatternAxes dilated_keys_axes{.placement = Placement::tiles,
                                        .heads = HeadRule::last,
                                        .offset = OffsetRule::pair,
                                        .queries = QueryRule::all,
                                        .keys = KeyRule::dilated,
                                        .tail = TailRule::dense};
constexpr PatternAxes strided_keys_axes{.placement = Placement::whole,
                                        .heads = HeadRule::last,
                                        .offset = OffsetRule::pair,
                                        .queries = QueryRule::all,
                                        .keys = KeyRule::dilated};
constexpr PatternAxes residue_axes{
    .placement = Placement::spans, .heads = HeadRule::all, .queries = QueryRule::all, .keys = KeyRule::residue};
constexpr PatternAxes longnet_axes{.placement = Placement::tiles,
                                   .heads = HeadRule::all,
                                   .offset = OffsetRule::head,
                                   .queries = QueryRule::dilated,
                                   .keys = KeyRule::dilated,
                                   .join = JoinRule::softmax};

}  // namespace

const std::vector<std::string>& pattern_names() {
  static const std::vector<std::string> list(names<PatternName>().begin(), names<PatternName>().end() - 1);
  return list;
}

std::string_view summary(PatternName name) {
  switch (name) {
    case PatternName::automatic:
      return "dilated";
    case PatternName::dense:
      return "every query attends every key; segment_lengths and dilation_rates play no part";
    case PatternName::dilated:
      return "head groups; in each segment every r-th row attends every r-th row, the others are 0";
    case PatternName::dilated_keys:
      return "head groups; in each segment all rows attend every r-th row";
    case PatternName::strided_keys:
      return "head groups; all rows attend every r-th row of the whole sequence";
    case PatternName::residue:
      return "consecutive spans; a row attends the rows of its own class modulo r";
    case PatternName::longnet:
      return "all heads see all pairs, joined by their softmax denominators";
    case PatternName::block_sparse:
      return "dilated (dense without lists) where blocks of 64 within a band meet, 90 % of them removed";
    case PatternName::custom:
      return "the axes themselves";
  }
  return "";
}

std::string_view preserves(PatternName name) {
  switch (name) {
    case PatternName::dense:
      return "RingAttentionCorrectV2, RingAttentionV2Simple, RingDilatedAttentionFixedSimple, "
             "RingDilatedAttentionMemoryEfficient, RingDilatedAttentionHilbertOptimizedFixedV2";
    case PatternName::automatic:
    case PatternName::dilated:
      return "DilatedAttention; as intended, RingDilatedAttentionV2Collective; with join single, "
             "RingDilatedAttentionHybrid";
    case PatternName::dilated_keys:
      return "RingDilatedAttentionV2, V2Corrected, V2Fixed; with heads drop, offset zero, order turned, tail short, "
             "RingDilatedAttentionHilbertOptimizedFixed";
    case PatternName::strided_keys:
      return "RingDilatedAttentionV2Robust";
    case PatternName::residue:
      return "RingDilatedAttentionHilbertCore; with order snake, RingDilatedAttentionCorrect and "
             "RingDilatedAttentionHilbertOptimizedCorrect, HilbertProper, HilbertGPUOptimized";
    case PatternName::longnet:
    case PatternName::block_sparse:
    case PatternName::custom:
      break;
  }
  return "";
}

PatternAxes axes_of(PatternName name) {
  switch (name) {
    case PatternName::automatic:
    case PatternName::dilated:
      return dilated_axes;
    case PatternName::dense:
      return dense_axes;
    case PatternName::dilated_keys:
      return dilated_keys_axes;
    case PatternName::strided_keys:
      return strided_keys_axes;
    case PatternName::residue:
      return residue_axes;
    case PatternName::longnet:
      return longnet_axes;
    case PatternName::block_sparse:
      return dilated_axes;
    case PatternName::custom:
      break;
  }
  throw UsageError("pattern: custom axes have no name; give them as an object");
}

PatternAxes axes_of(const PatternSpec& spec, bool has_pairs) {
  if (spec.name == PatternName::block_sparse && !has_pairs) return dense_axes;
  return spec.name == PatternName::custom ? spec.axes : axes_of(spec.name);
}

BlockSparsity blocks_of(const PatternSpec& spec) {
  const bool is_default = spec.name == PatternName::block_sparse && spec.blocks.rule == BlockRule::none;
  return is_default ? BlockSparsity{.rule = BlockRule::local} : spec.blocks;
}

bool is_one_whole_pair(const PatternSpec& spec, bool has_pairs) {
  // Along whichever curve: without dilation it only says how blocks are cut.
  PatternAxes axes = spec.axes;
  axes.order = OrderRule::position;
  if (spec.name == PatternName::custom && axes == dense_axes) return true;
  return spec.name == PatternName::dense || (spec.name == PatternName::block_sparse && !has_pairs);
}

PatternName name_of(const PatternAxes& axes) {
  for (const PatternName name : {PatternName::dense, PatternName::dilated, PatternName::dilated_keys,
                                 PatternName::strided_keys, PatternName::residue, PatternName::longnet}) {
    if (axes_of(name) == axes) return name;
  }
  return PatternName::custom;
}

void validate(const PatternAxes& axes, std::size_t pairs) {
  if (pairs < 2) return;
  // With head groups a row of one head belongs to one pair, and spans never overlap; anywhere else all pairs cover row
  // 0.
  const bool has_groups = axes.heads != HeadRule::all;
  const bool pairs_meet = !has_groups && axes.placement != Placement::spans;
  if (axes.join == JoinRule::single && pairs_meet) {
    throw UsageError(
        "pattern/join: \"single\" needs pairs that never meet on a row, but with heads \"all\" and placement \"" +
        std::string(to_string(axes.placement)) + "\" all " + std::to_string(pairs) +
        " pairs do; use \"mean\" or \"softmax\"");
  }
  if (axes.join == JoinRule::groups && !has_groups) {
    throw UsageError(
        std::string("pattern/join: \"groups\" divides by the number of head groups, but heads \"all\" has none; use ") +
        (pairs_meet ? "\"mean\" or \"softmax\"" : "\"single\""));
  }
  if (axes.join == JoinRule::mean && !pairs_meet) {
    throw UsageError("pattern/join: \"mean\" needs pairs that meet on a row, and these never do; use \"" +
                     std::string(has_groups ? "groups" : "single") + "\"");
  }
}

namespace {

[[noreturn]] void refuse_block(const char* field, const std::string& value, const std::string& right) {
  throw UsageError(fmt::format("pattern/blocks/{}: {} is out of range; {}", field, value, right));
}

void check_unread(const BlockSparsity& blocks) {
  const auto unread = [&](bool is_set, const char* field, const char* rule) {
    if (is_set)
      throw UsageError(fmt::format("pattern/blocks/{}: only rule \"{}\" reads it (the rule is \"{}\")", field, rule,
                                   to_string(blocks.rule)));
  };
  const BlockSparsity defaults;
  unread(blocks.rule != BlockRule::dilated && blocks.per_head, "per_head", "dilated");
  unread(blocks.rule != BlockRule::dilated && !blocks.rates.empty(), "rates", "dilated");
  unread(blocks.rule != BlockRule::global_local && blocks.global_blocks != defaults.global_blocks, "global_blocks",
         "global_local");
  unread(blocks.rule != BlockRule::grid && blocks.grid_width != 0, "grid_width", "grid");
  unread(blocks.rule != BlockRule::grid && blocks.grid_radius != 0, "grid_radius", "grid");
}

}  // namespace

void validate(const BlockSparsity& blocks) {
  if (blocks.rule == BlockRule::none) return;
  if (blocks.block_size < 1) refuse_block("block_size", std::to_string(blocks.block_size), "at least 1");
  if (!(blocks.sparsity_ratio >= 0.0 && blocks.sparsity_ratio < 1.0))
    refuse_block("sparsity_ratio", fmt::format("{}", blocks.sparsity_ratio),
                 "the share of blocks that is removed, at least 0 and below 1");
  if (blocks.global_blocks < 1) refuse_block("global_blocks", std::to_string(blocks.global_blocks), "at least 1");
  for (const std::int64_t rate : blocks.rates) {
    if (rate < 1) refuse_block("rates", std::to_string(rate), "each at least 1");
  }
  check_unread(blocks);
  if (blocks.rule != BlockRule::grid) return;
  if (blocks.grid_width < 1)
    refuse_block("grid_width", std::to_string(blocks.grid_width), "the cells of a grid row, at least 1");
  if (blocks.grid_radius < 0)
    refuse_block("grid_radius", std::to_string(blocks.grid_radius), "a number of cells, at least 0");
}

namespace {

std::string describe(const BlockSparsity& blocks) {
  const std::string rule = fmt::format("in blocks of {}, {}", blocks.block_size, to_string(blocks.rule));
  if (blocks.rule == BlockRule::grid)
    return fmt::format("{} {} wide, radius {}", rule, blocks.grid_width, blocks.grid_radius);
  return fmt::format("{}{}, {} removed", rule, blocks.per_head ? " per head" : "", blocks.sparsity_ratio);
}

template <typename E>
void add_values(std::vector<PatternAxisValue>& list, const char* axis) {
  for (std::size_t i = 0; i < names<E>().size(); ++i)
    list.push_back({axis, names<E>()[i], std::string(meaning(static_cast<E>(i)))});
}

}  // namespace

std::vector<PatternAxisValue> pattern_axis_values() {
  std::vector<PatternAxisValue> list;
  add_values<Placement>(list, "placement");
  add_values<HeadRule>(list, "heads");
  add_values<OffsetRule>(list, "offset");
  add_values<QueryRule>(list, "queries");
  add_values<KeyRule>(list, "keys");
  add_values<JoinRule>(list, "join");
  add_values<OrderRule>(list, "order");
  add_values<TailRule>(list, "tail");
  add_values<BlockRule>(list, "blocks/rule");
  return list;
}

std::vector<PatternRefusal> pattern_refusals() {
  std::vector<PatternRefusal> list;
  for (std::size_t p = 0; p < names<Placement>().size(); ++p)
    for (std::size_t h = 0; h < names<HeadRule>().size(); ++h)
      for (std::size_t j = 0; j < names<JoinRule>().size(); ++j) {
        const PatternAxes axes{.placement = static_cast<Placement>(p),
                               .heads = static_cast<HeadRule>(h),
                               .join = static_cast<JoinRule>(j)};
        try {
          validate(axes, 2);
        } catch (const UsageError& error) {
          list.push_back({"placement " + names<Placement>()[p] + ", heads " + names<HeadRule>()[h] + ", join " +
                              names<JoinRule>()[j] + ", several pairs",
                          error.what()});
        }
      }
  return list;
}

std::string describe(const PatternSpec& spec) {
  if (spec.blocks.rule != BlockRule::none)
    return describe(PatternSpec{.name = spec.name, .axes = spec.axes}) + " " + describe(spec.blocks);
  if (spec.name == PatternName::automatic) return std::string(to_string(PatternName::dilated));
  if (spec.name != PatternName::custom) return std::string(to_string(spec.name));
  const PatternAxes& a = spec.axes;
  std::string text;
  for (const std::string_view word :
       {to_string(a.placement), to_string(a.heads), to_string(a.offset), to_string(a.queries), to_string(a.keys),
        to_string(a.join), to_string(a.order), to_string(a.tail)}) {
    text += (text.empty() ? "" : "/") + std::string(word);
  }
  return text;
}

}  // namespace ringattn
