#pragma once

#include "cli/terminal.h"

#include <string>

namespace ringattn {

/// The result of a verb that is quickly told. `json` goes to `target` (a file, or "-" for stdout); `text` goes to
/// stdout unless the JSON is there. An empty target means text alone.
void show_result(Terminal& terminal, const std::string& target, const std::string& json, const std::string& text);

}  // namespace ringattn
