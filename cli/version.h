#pragma once

#include <string>

namespace ringattn {

/// "ringattn 0.4.0 (commit 1a2b3c4d5e6f, Release, LibTorch 2.11.0)".
std::string version_line();

}  // namespace ringattn
