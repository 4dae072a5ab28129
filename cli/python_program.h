#pragma once

#include <string>
#include <string_view>

namespace ringattn {

/// The Python to read sources with: the one that --python or RINGATTN_PYTHON names, else python3 of PATH. Throws
/// Unavailable, with what to install, where there is none or it is older than 3.8.
std::string find_python(const std::string& named);

/// Runs the script, isolated from its environment and the working folder, with `input` on stdin; returns its stdout.
/// Throws RuntimeFailure with the end of its stderr where it fails.
std::string run_python(const std::string& python, std::string_view script, const std::string& input);

}  // namespace ringattn
