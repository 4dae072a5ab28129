#pragma once

#include <exception>

namespace ringattn {

/// Thrown by whoever cannot return its way out of a loop after Ctrl-C. `main` maps it to exit code 130.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// While it lives, a write beyond a file size limit fails instead of ending the process, and the first Ctrl-C (SIGINT)
/// or SIGTERM only sets a flag, so that the case at hand can be finished or dropped and the report written; the second
/// ends the process at once with exit code 130. The previous handlers come back at the end.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// Whether a Ctrl-C arrived since the guard was set up. Cheap, callable from any thread: every loop over cases or
/// samples asks.
bool interrupted();
/// As if one had arrived: where another process of the same run has been told to stop.
void interrupt();
/// Throws Interrupted when one did.
void throw_if_interrupted();

}  // namespace ringattn
