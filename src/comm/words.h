#pragma once

#include <chrono>
#include <string>

// Words that every message of a communicator uses.

namespace ringattn {

/// "rank 3".
std::string rank_name(int rank);

/// "2 s", "300 ms".
std::string text(std::chrono::milliseconds duration);

}  // namespace ringattn
