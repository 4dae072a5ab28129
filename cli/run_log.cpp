#include "cli/run_log.h"

#include "cli/interrupt.h"
#include "config/error.h"
#include "measure/clock.h"
#include "report/deterministic.h"
#include "report/json.h"
#include "report/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace ringattn {
namespace {

/// Finished or skipped; a case may have several records.
std::size_t settled_cases(const Report& report) {
  std::set<std::string_view> ids;
  for (const CaseRecord& record : report.cases) ids.insert(record.id);
  for (const SkippedRecord& skipped : report.skipped) ids.insert(skipped.id);
  return ids.size();
}

}  // namespace

RunLog::RunLog(const Report& fresh, RunLogOptions options)
    : started_ns_(now_ns()),
      options_(std::move(options)),
      report_(options_.resume.empty() ? fresh : resume(fresh, load_report(options_.resume), options_.resume)) {
  if (writes_file()) check_writable(options_.json);
}

void RunLog::expect_pass(bool backward) const {
  for (const CaseRecord& record : report_.cases) {
    if ((record.candidate.metered == "forward_backward") == backward) continue;
    throw UsageError(fmt::format("--resume: {} was run {} --backward; {}", options_.resume,
                                 backward ? "without" : "with", backward ? "leave it out" : "give it"));
  }
}

std::int64_t RunLog::elapsed_ns() const { return now_ns() - started_ns_; }

bool RunLog::has(const Case& axes) const {
  return std::any_of(report_.cases.begin(), report_.cases.end(),
                     [&](const CaseRecord& record) { return record.axes == axes; });
}

void RunLog::announce(Terminal& terminal) const {
  for (const std::string& warning : report_.warnings) terminal.note(warning);
}

void RunLog::warn(std::string warning) { report_.warnings.push_back(std::move(warning)); }

void RunLog::check(std::vector<CheckRecord> checks) {
  std::move(checks.begin(), checks.end(), std::back_inserter(report_.checks));
}

void RunLog::forget_checks(const std::string& rule) {
  std::erase_if(report_.checks, [&](const CheckRecord& check) { return check.rule == rule; });
}

void RunLog::add(std::vector<CaseRecord> records) {
  std::move(records.begin(), records.end(), std::back_inserter(report_.cases));
  save();
}

void RunLog::skip(const Case& axes, std::string reason) {
  report_.skipped.push_back({case_id(axes), std::move(reason)});
  save();
}

void RunLog::forget(const std::vector<Case>& cases) {
  std::erase_if(report_.cases, [&](const CaseRecord& record) {
    return std::find(cases.begin(), cases.end(), record.axes) != cases.end();
  });
}

void RunLog::accept(std::size_t index, std::string reason) { report_.cases.at(index).accepted = std::move(reason); }

void RunLog::finish(const std::function<void(Report&)>& complete) {
  complete(report_);
  save();
}

void RunLog::save_finished() {
  if (!report_.cases.empty()) save();
}

int RunLog::conclude(ExitCode answer, Terminal& terminal, const std::function<std::string(const Report&)>& show) {
  report_.exit_code = interrupted() ? exit_interrupted : report_.cases.empty() ? exit_unavailable : answer;
  save();
  if (options_.is_deterministic_only)
    terminal.result(deterministic_part(report_).dump(2) + "\n");
  else
    terminal.result(options_.json == "-" ? to_json_text(report_) : show(report_));
  return static_cast<int>(report_.exit_code);
}

bool RunLog::writes_file() const { return !options_.json.empty() && options_.json != "-"; }

void RunLog::save() {
  report_.summary = summarize(report_);
  report_.interrupted = interrupted();
  // A run that was interrupted after its last case may lack what comes after the cases.
  report_.complete = !report_.interrupted && settled_cases(report_) >= options_.cases;
  report_.duration_ns = elapsed_ns();
  if (!writes_file()) return;
  try {
    save_report(report_, options_.json);
    saved_ = report_.cases.size();
  } catch (const RuntimeFailure& error) {
    if (saved_ == 0) throw;
    throw RuntimeFailure(
        fmt::format("{}; it still holds the {} {} saved before; mend that, then go on with --resume {}", error.what(),
                    saved_, saved_ == 1 ? "record" : "records", options_.json));
  }
}

}  // namespace ringattn
