#pragma once

#include "config/axes.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// Shorthands for points in the space of axes. `automatic` is `dilated`; `custom` means that the axes themselves were
/// given.
enum class PatternName {
  automatic,
  dense,
  dilated,
  dilated_keys,
  strided_keys,
  residue,
  longnet,
  block_sparse,
  custom
};
std::string_view to_string(PatternName name);

/// The names that a user can write, in the order of the documentation ("auto" first, "custom" not among them).
const std::vector<std::string>& pattern_names();

/// One line about a name, for `list patterns`.
std::string_view summary(PatternName name);

/// The released classes whose single-process function the name computes, as their intention or within their
/// conditions; "" for none.
std::string_view preserves(PatternName name);

/// One axis of a pattern with what may stand there.
struct PatternAxisValue {
  std::string axis;
  std::string value;
  std::string meaning;
};
/// Every value of every axis, in the order of the JSON object.
std::vector<PatternAxisValue> pattern_axis_values();

/// A combination that is refused, and the reason.
struct PatternRefusal {
  std::string combination;
  std::string reason;
};
/// The combinations that validate() refuses for two pairs, found by asking it about every point that differs in heads,
/// placement and join.
std::vector<PatternRefusal> pattern_refusals();

/// What a configuration says about its pattern: a name, or axes; and which blocks of it stay.
struct PatternSpec {
  PatternName name = PatternName::automatic;
  PatternAxes axes{};      ///< read only when name is custom
  BlockSparsity blocks{};  ///< see blocks_of; rates that are not given are the configuration's
  bool operator==(const PatternSpec&) const = default;
};

/// The axes behind a name. block_sparse has those of what it removes blocks from: `dilated`.
PatternAxes axes_of(PatternName name);
/// The same; block_sparse without pairs removes blocks from `dense`.
PatternAxes axes_of(const PatternSpec& spec, bool has_pairs = true);

/// The blocks that stay: what the specification says; for block_sparse that says nothing, rule local of blocks of 64
/// with 0.9 removed; else rule none, all of them.
BlockSparsity blocks_of(const PatternSpec& spec);

/// Whether the pattern is one pair, the whole sequence, whatever the lists say: `dense`, and block_sparse without
/// lists.
bool is_one_whole_pair(const PatternSpec& spec, bool has_pairs);

/// The name whose axes these are, else custom.
PatternName name_of(const PatternAxes& axes);

/// Throws UsageError where join and the other axes contradict each other for `pairs` pairs: `single` where pairs meet
/// on a row, `mean` where they never do, `groups` without head groups.
void validate(const PatternAxes& axes, std::size_t pairs);

/// Throws UsageError naming the field of `blocks` that is out of range, or that its rule doesn't read. `rates`: those
/// of the rule dilated, where they are known.
void validate(const BlockSparsity& blocks);

/// "dilated", "tiles/first/pair/dilated/dilated/groups/position/short", or "dense in blocks of 64, local, 0.9 removed":
/// for tables and messages.
std::string describe(const PatternSpec& spec);

}  // namespace ringattn
