#pragma once

#include <string>
#include <vector>

namespace ringattn::test {

/// What a run of the program left behind.
struct Finished {
  int code = -1;    ///< exit code, or 128 + signal
  std::string out;  ///< stdout
  std::string err;  ///< stderr
};

/// Runs the binary under test with these arguments and, on top of a bare environment (PATH, HOME, TERM and the library
/// path), these NAME=value variables. `input` is its stdin. Neither stdout nor stderr is a terminal. A run of more than
/// a minute is killed.
Finished run(const std::vector<std::string>& arguments, const std::vector<std::string>& variables = {},
             const std::string& input = "");

/// Any other program, found in PATH.
Finished run_program(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input = "");

/// Whether a program of that name is in PATH.
bool is_installed(const std::string& program);

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace ringattn::test
