#pragma once

#include "config/axes.h"

#include <string>
#include <string_view>

// A sliding window as it is written:
//
//   none     no limit
//   256      256 positions on both sides: query - 256 <= key <= query + 256 (causal: the right side is moot)
//   256:0    left:right; -1 on one side is no limit there

namespace ringattn {

/// Throws UsageError "<field>: …" that quotes the text and says what would be right.
Window parse_window(std::string_view text, const std::string& field);
/// The shortest text that parse_window reads back.
std::string to_string(const Window& window);

}  // namespace ringattn
