#pragma once

namespace ringattn {

// What the exit code says. `main` alone returns these for exceptions; a verb returns yes, no, inconclusive or
// interrupted.
enum ExitCode : int {
  exit_yes = 0,           ///< ran, and the answer is yes
  exit_no = 1,            ///< ran, and the answer is no
  exit_usage = 2,         ///< you asked wrongly (UsageError)
  exit_unavailable = 3,   ///< cannot run here (Unavailable)
  exit_broken = 4,        ///< broke while running (RuntimeFailure, anything unexpected)
  exit_inconclusive = 5,  ///< too noisy to tell, with --strict
  exit_interrupted = 130  ///< Ctrl-C; what was finished is in the report
};

}  // namespace ringattn
