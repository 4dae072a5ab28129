#pragma once

#include "compare/verdict.h"
#include "config/axes.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// A function with the name people know it by ("dilated_keys", "dilated"); "" where it has none.
struct NamedFunction {
  std::string name;
  AttentionFunction function;
};

/// "dilated_keys (placement tiles, heads last, …; pairs 2048/1, 4096/2; n 4096, 8 heads, causal)".
std::string describe(const NamedFunction& named);

/// One difference between two functions, for people: "keys: old residue, new dilated: …".
struct AxisDifference {
  std::string axis;
  std::string legacy_value;
  std::string candidate_value;
  std::string meaning;  ///< what it does to the result
};

/// Every axis, pair list or mask rule in which the two differ, in the order of the axes table. Empty when they are the
/// same description.
std::vector<AxisDifference> differences(const AttentionFunction& legacy, const AttentionFunction& candidate);

/// The words under a different_function: both names with axes, each difference with its meaning, and the first and
/// worst row of `legacy_against_candidate` (the old-against-new verdict). Lines without a trailing newline.
std::vector<std::string> explain_difference(const NamedFunction& legacy, const NamedFunction& candidate,
                                            const NumericVerdict& legacy_against_candidate);

}  // namespace ringattn
