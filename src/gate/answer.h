#pragma once

#include "report/junit.h"
#include "report/report.h"

#include <map>
#include <string>
#include <vector>

namespace ringattn {

/// What the checks come to.
enum class GateAnswer { yes, no, missing_baseline, inconclusive };

struct AnswerOptions {
  bool strict = false;     ///< an improvement is a no, an unsure time inconclusive
  bool allow_new = false;  ///< a case without a deterministic baseline entry is fine
};

/// The worst of: no (a rule failed, or under strict improved), missing_baseline, inconclusive, yes.
GateAnswer answer(const std::vector<CheckRecord>& checks, const AnswerOptions& options);

/// A time or whole-peak check that is new has no host class to be compared with: that is said, and fails nothing.
bool is_missing_entry(const CheckRecord& check);

/// "80 cases: 320 checks pass, 1 fails", a line each for what failed, improved, unsure, new, stale.
std::vector<std::string> summary_lines(const Report& report);

/// One suite a rule. unsure and new are skipped with their words; stale is skipped, too.
JUnitSuites gate_suites(const Report& report, const AnswerOptions& options);

}  // namespace ringattn
