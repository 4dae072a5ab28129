#pragma once

#include "report/report.h"
#include "report/text.h"

#include <string>
#include <vector>

namespace ringattn {

/// What the gate says: each check that is more than a pass (the first twenty of a kind), the commands that repeat
/// failing cases, what an update changed, and the counts.
std::string gate_text(const Report& report, const std::vector<std::string>& updates, const TextStyle& style);

}  // namespace ringattn
