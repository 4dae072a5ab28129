#include "config/pattern_spec.h"

#include "config/error.h"
#include "config/names.h"

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
      return "blocks of the sequence attend chosen blocks";
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
      throw Unavailable(
          "pattern: \"block_sparse\" is a known name that this version cannot run yet; "
          "use dense, dilated or dilated_keys");
    case PatternName::custom:
      break;
  }
  throw UsageError("pattern: custom axes have no name; give them as an object");
}

PatternAxes axes_of(const PatternSpec& spec) {
  return spec.name == PatternName::custom ? spec.axes : axes_of(spec.name);
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
