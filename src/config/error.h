#pragma once

#include <stdexcept>
#include <string>

namespace ringattn {

/// The three ways to be unable to answer. `main` alone maps them to exit codes; verdicts are values, never exceptions.

/// Exit code 2: the request is wrong. The message names the field (a JSON pointer or a flag), the value, and what would
/// be right.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Exit code 3: a correct request that this machine or build cannot serve. The message says what is missing.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Exit code 4: something broke while running. The message begins with the rank: "rank 3: receive from rank 2 …".
struct RuntimeFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace ringattn
