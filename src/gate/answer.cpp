#include "gate/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ringattn {
namespace {

constexpr std::array kRules{"numeric", "traffic", "peak_bytes", "flops", "exponent", "time", "baseline"};

bool any(const std::vector<CheckRecord>& checks, CheckStatus status) {
  return std::any_of(checks.begin(), checks.end(), [&](const CheckRecord& c) { return c.status == status; });
}

std::int64_t count(const std::vector<CheckRecord>& checks, CheckStatus status) {
  return std::count_if(checks.begin(), checks.end(), [&](const CheckRecord& c) { return c.status == status; });
}

JUnitStatus junit_status(const CheckRecord& check, const AnswerOptions& options) {
  switch (check.status) {
    case CheckStatus::pass:
      return JUnitStatus::passed;
    case CheckStatus::fail:
      return JUnitStatus::failed;
    case CheckStatus::improved:
      return options.strict ? JUnitStatus::failed : JUnitStatus::passed;
    case CheckStatus::fresh:
      return is_missing_entry(check) && !options.allow_new ? JUnitStatus::failed : JUnitStatus::skipped;
    case CheckStatus::unsure:
    case CheckStatus::stale:
      break;
  }
  return JUnitStatus::skipped;
}

}  // namespace

bool is_missing_entry(const CheckRecord& check) {
  return check.status == CheckStatus::fresh && check.rule != "time" &&
         check.words.find("host class") == std::string::npos;
}

GateAnswer answer(const std::vector<CheckRecord>& checks, const AnswerOptions& options) {
  if (any(checks, CheckStatus::fail) || (options.strict && any(checks, CheckStatus::improved))) return GateAnswer::no;
  if (!options.allow_new && std::any_of(checks.begin(), checks.end(), is_missing_entry))
    return GateAnswer::missing_baseline;
  if (options.strict && any(checks, CheckStatus::unsure)) return GateAnswer::inconclusive;
  return GateAnswer::yes;
}

std::vector<std::string> summary_lines(const Report& report) {
  const std::vector<CheckRecord>& checks = report.checks;
  std::vector<std::string> lines{fmt::format("{} cases: {} of {} checks pass", report.cases.size(),
                                             count(checks, CheckStatus::pass), checks.size())};
  if (!report.skipped.empty()) lines.front() += fmt::format(", {} cases skipped", report.skipped.size());
  const std::pair<CheckStatus, const char*> others[] = {{CheckStatus::fail, "fail"},
                                                        {CheckStatus::improved, "improved: update the baseline"},
                                                        {CheckStatus::unsure, "unsure: nothing can be said"},
                                                        {CheckStatus::fresh, "new: nothing to compare with"},
                                                        {CheckStatus::stale, "stale baseline entries"}};
  for (const auto& [status, words] : others)
    if (const std::int64_t n = count(checks, status)) lines.push_back(fmt::format("{} {}", n, words));
  return lines;
}

JUnitSuites gate_suites(const Report& report, const AnswerOptions& options) {
  JUnitSuites suites{.name = "ringattn gate", .suites = {}};
  for (const char* rule : kRules) {
    JUnitSuite suite{.name = rule, .cases = {}};
    for (const CheckRecord& check : report.checks)
      if (check.rule == rule)
        suite.cases.push_back({.class_name = std::string("gate.") + rule,
                               .name = check.id,
                               .status = junit_status(check, options),
                               .type = std::string(to_string(check.status)),
                               .message = check.words});
    if (!suite.cases.empty()) suites.suites.push_back(std::move(suite));
  }
  return suites;
}

}  // namespace ringattn
