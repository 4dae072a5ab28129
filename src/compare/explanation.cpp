#include "compare/explanation.h"

#include "config/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

std::string pair_list(const std::vector<Pair>& pairs) {
  std::string words;
  for (const Pair& pair : pairs)
    words += fmt::format("{}{}/{}", words.empty() ? "" : ", ", pair.segment_length, pair.dilation_rate);
  return words;
}

std::string_view mask_word(bool is_causal) { return is_causal ? "causal" : "not causal"; }

std::string meaning_of(HeadRule rule) {
  switch (rule) {
    case HeadRule::first:
      return "each pair owns a group of heads, a remainder goes to the first groups";
    case HeadRule::last:
      return "each pair owns a group of heads, a remainder goes to the last groups";
    case HeadRule::rest:
      return "each pair owns a group of heads, the last group takes the whole remainder";
    case HeadRule::drop:
      return "each pair owns a group of heads, the remaining heads are 0";
    case HeadRule::all:
      return "every pair works on all heads";
  }
  return "";
}

std::string meaning_of(QueryRule rule) {
  return rule == QueryRule::dilated ? "only every r-th row of a segment gets a result, the others are 0"
                                    : "every row gets a result";
}

std::string meaning_of(KeyRule rule) {
  switch (rule) {
    case KeyRule::dilated:
      return "a query sees every r-th key of its segment, the class fixed by the offset";
    case KeyRule::residue:
      return "a query sees the keys of its own class modulo r";
    case KeyRule::all:
      return "a query sees every key of its segment";
    case KeyRule::sequence:
      return "a query sees every r-th key of the whole sequence";
  }
  return "";
}

std::string meaning_of(JoinRule rule) {
  switch (rule) {
    case JoinRule::single:
      return "a result comes from one pair and stays as it is";
    case JoinRule::groups:
      return "every result is divided by the number of pairs";
    case JoinRule::mean:
      return "the pairs' results are averaged";
    case JoinRule::softmax:
      return "the pairs' results are weighted by their softmax denominators";
  }
  return "";
}

std::string meaning_of(Placement rule) {
  switch (rule) {
    case Placement::tiles:
      return "the sequence is cut into segments of w";
    case Placement::spans:
      return "each pair owns one interval, behind those of the pairs before it";
    case Placement::first:
      return "a pair works on the first w rows only";
    case Placement::whole:
      return "the sequence is one segment";
  }
  return "";
}

std::string meaning_of(OffsetRule rule) {
  switch (rule) {
    case OffsetRule::pair:
      return "pair i takes the class i mod r";
    case OffsetRule::zero:
      return "every pair takes the class 0";
    case OffsetRule::segment:
      return "pair i takes the class (i + t) mod r in segment t";
    case OffsetRule::tile:
      return "segment t takes the class t mod r";
    case OffsetRule::head:
      return "head h takes the class h mod r";
  }
  return "";
}

std::string meaning_of(OrderRule rule) {
  return rule == OrderRule::position ? "dilation counts positions"
                                     : "dilation counts places along a curve through the segment";
}

std::string meaning_of(TailRule rule) {
  switch (rule) {
    case TailRule::shortened:
      return "the rows behind the last whole segment are a shorter segment";
    case TailRule::dense:
      return "the rows behind the last whole segment attend each other densely";
    case TailRule::zero:
      return "the rows behind the last whole segment are 0";
  }
  return "";
}

template <typename Rule>
void note(std::vector<AxisDifference>& found, const char* axis, Rule legacy, Rule candidate) {
  if (legacy == candidate) return;
  found.push_back({axis, std::string(to_string(legacy)), std::string(to_string(candidate)),
                   fmt::format("old: {}; new: {}", meaning_of(legacy), meaning_of(candidate))});
}

/// "all", "local in blocks of 64, 0.9 removed", "grid 128 wide, radius 8, in blocks of 64".
std::string block_words(const BlockSparsity& blocks) {
  const std::string size = fmt::format("in blocks of {}", blocks.block_size);
  switch (blocks.rule) {
    case BlockRule::none:
      return "all";
    case BlockRule::grid:
      return fmt::format("grid {} wide, radius {}, {}", blocks.grid_width, blocks.grid_radius, size);
    case BlockRule::local:
      return fmt::format("local {}, {} removed", size, blocks.sparsity_ratio);
    case BlockRule::dilated:
      return fmt::format("dilated {}, {} removed, rates {}{}", size, blocks.sparsity_ratio,
                         fmt::join(blocks.rates, ", "), blocks.per_head ? " by head" : "");
    case BlockRule::global_local:
      return fmt::format("global_local {}, {} removed, {} global", size, blocks.sparsity_ratio, blocks.global_blocks);
  }
  return "";
}

std::string row_words(const NumericVerdict& verdict) {
  const TensorVerdict* tensor = most_telling(verdict);
  if (tensor == nullptr || tensor->passed) return "";
  const ElementError& worst = tensor->worst_abs;
  std::string place = fmt::format("batch {}, head {}", worst.index.batch, worst.index.head);
  if (worst.index.dim >= 0) place += fmt::format(", dim {}", worst.index.dim);
  return fmt::format("{}: first differing row {}, worst row {} ({}): old {:.6g}, new {:.6g}", tensor->tensor,
                     tensor->first_bad_row, tensor->worst_row, place, worst.got, worst.want);
}

}  // namespace

std::string describe(const NamedFunction& named) {
  const AttentionFunction& f = named.function;
  const PatternAxes& axes = f.axes;
  const std::string list = fmt::format(
      "placement {}, heads {}, offset {}, queries {}, keys {}, join {}, order {}, tail {}; pairs {}; {}n {}, {} heads, "
      "{}",
      to_string(axes.placement), to_string(axes.heads), to_string(axes.offset), to_string(axes.queries),
      to_string(axes.keys), to_string(axes.join), to_string(axes.order), to_string(axes.tail), pair_list(f.pairs),
      f.blocks.rule == BlockRule::none ? "" : fmt::format("blocks {}; ", block_words(f.blocks)), f.seq_len, f.heads,
      mask_word(f.is_causal));
  return fmt::format("{} ({})", named.name.empty() ? "unnamed" : named.name, list);
}

std::vector<AxisDifference> differences(const AttentionFunction& legacy, const AttentionFunction& candidate) {
  std::vector<AxisDifference> found;
  note(found, "placement", legacy.axes.placement, candidate.axes.placement);
  note(found, "heads", legacy.axes.heads, candidate.axes.heads);
  note(found, "offset", legacy.axes.offset, candidate.axes.offset);
  note(found, "queries", legacy.axes.queries, candidate.axes.queries);
  note(found, "keys", legacy.axes.keys, candidate.axes.keys);
  note(found, "join", legacy.axes.join, candidate.axes.join);
  note(found, "order", legacy.axes.order, candidate.axes.order);
  note(found, "tail", legacy.axes.tail, candidate.axes.tail);
  if (legacy.pairs != candidate.pairs)
    found.push_back({"pairs", pair_list(legacy.pairs), pair_list(candidate.pairs), "other segments or dilation rates"});
  if (legacy.blocks != candidate.blocks)
    found.push_back(
        {"blocks", block_words(legacy.blocks), block_words(candidate.blocks), "which blocks of places meet"});
  if (legacy.is_causal != candidate.is_causal) {
    found.push_back({"is_causal", std::string(mask_word(legacy.is_causal)), std::string(mask_word(candidate.is_causal)),
                     "a causal query sees no key behind its own position"});
  }
  return found;
}

std::vector<std::string> explain_difference(const NamedFunction& legacy, const NamedFunction& candidate,
                                            const NumericVerdict& legacy_against_candidate) {
  std::vector<std::string> lines{"old: " + describe(legacy), "new: " + describe(candidate)};
  for (const AxisDifference& difference : differences(legacy.function, candidate.function)) {
    lines.push_back(fmt::format("{}: old {}, new {} ({})", difference.axis, difference.legacy_value,
                                difference.candidate_value, difference.meaning));
  }
  const std::string rows = row_words(legacy_against_candidate);
  if (!rows.empty()) lines.push_back(rows);
  return lines;
}

}  // namespace ringattn
