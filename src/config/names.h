#pragma once

#include "config/axes.h"
#include "config/workload.h"

#include <string>
#include <string_view>
#include <vector>

// The written names of the enumerations. `names<E>()` lists them in order of declaration; `parse<E>` refuses anything
// else with a UsageError that begins with `field` and suggests the nearest name.

namespace ringattn {

std::string_view to_string(Placement value);
std::string_view to_string(HeadRule value);
std::string_view to_string(OffsetRule value);
std::string_view to_string(QueryRule value);
std::string_view to_string(KeyRule value);
std::string_view to_string(JoinRule value);
std::string_view to_string(OrderRule value);
std::string_view to_string(BlockRule value);
std::string_view to_string(TailRule value);  ///< TailRule::shortened is written "short"

/// One line about a value of an axis, for `list patterns`; the formulas are in pattern/ and the oracle.
std::string_view meaning(Placement value);
std::string_view meaning(HeadRule value);
std::string_view meaning(OffsetRule value);
std::string_view meaning(QueryRule value);
std::string_view meaning(KeyRule value);
std::string_view meaning(JoinRule value);
std::string_view meaning(OrderRule value);
std::string_view meaning(TailRule value);
std::string_view meaning(BlockRule value);

template <typename E>
const std::vector<std::string>& names();

template <typename E>
E parse(std::string_view text, const std::string& field);

/// Also accepts "float32", "torch.float32" and so on, as the guide's configurations write them.
Dtype parse_dtype(std::string_view text, const std::string& field);

}  // namespace ringattn
