#include "report/report_suites.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

JUnitCase judged(const CaseRecord& record, const std::string& class_name) {
  JUnitCase result{.class_name = class_name, .name = fmt::format("{} {}", record.id, record.candidate.id)};
  if (record.candidate.mark != Mark::measured) result.name += fmt::format(" {}", to_string(record.candidate.mark));
  for (const std::int64_t time_ns : record.candidate.time_ns) result.seconds += static_cast<double>(time_ns) / 1e9;
  const bool is_oracle_failure = record.candidate_against_oracle && !record.candidate_against_oracle->passed;
  const bool is_failure =
      (record.outcome && *record.outcome != Outcome::match) || (!record.outcome && is_oracle_failure);
  if (!is_failure) return result;
  result.message = record.words;
  if (!record.outcome) result.message = record.candidate_against_oracle->reason;
  if (!record.accepted.empty()) {
    result.message += "; accepted: " + record.accepted;
    return result;
  }
  result.status = JUnitStatus::failed;
  result.type = record.outcome ? std::string(to_string(*record.outcome)) : "oracle";
  return result;
}

JUnitCase fitted(const ScalingRecord& record) {
  JUnitCase result{
      .class_name = "exponents",
      .name = fmt::format("{} {} over {} {}", record.implementation, record.quantity, record.axis, record.among),
      .status = record.verdict == "no" ? JUnitStatus::failed : JUnitStatus::passed,
      .type = record.verdict == "no" ? "exponent" : ""};
  result.message = fmt::format("{} (exponent {:.3f})", record.words, record.exponent);
  return result;
}

}  // namespace

JUnitSuites report_suites(const Collection& collection) {
  JUnitSuites suites{.name = "ringattn report"};
  for (const Collection::Run& run : collection.runs) {
    const Report& report = run.source.report;
    JUnitSuite& suite = suites.suites.emplace_back();
    suite.name = fmt::format("{} {} {}", report.verb, report.resolved.candidate, report.started_at);
    const std::string class_name = report.verb + "." + report.resolved.candidate;
    for (const CaseRecord& record : report.cases) suite.cases.push_back(judged(record, class_name));
    for (const ScalingRecord& record : report.scaling) {
      if (!record.verdict.empty()) suite.cases.push_back(fitted(record));
    }
    for (const SkippedRecord& skipped : report.skipped)
      suite.cases.push_back(
          {.class_name = class_name, .name = skipped.id, .status = JUnitStatus::skipped, .message = skipped.reason});
  }
  return suites;
}

}  // namespace ringattn
