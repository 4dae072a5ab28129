#include "report/page.h"

#include "report/failure.h"
#include "report/table.h"
#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ringattn {
namespace {

std::string title_of(const Collection& collection) {
  std::set<std::string> versions;
  for (const Collection::Run& run : collection.runs) versions.insert(run.source.report.environment.ringattn_version);
  std::string title = "ringattn";
  for (const std::string& version : versions) title += " " + version;
  return title;
}

/// All runs' cases as one report's summary would count them.
std::string summary_of(const Collection& collection) {
  Report all;
  for (const Collection::Run& run : collection.runs) {
    const Report& report = run.source.report;
    all.cases.insert(all.cases.end(), report.cases.begin(), report.cases.end());
    all.skipped.insert(all.skipped.end(), report.skipped.begin(), report.skipped.end());
    all.interrupted = all.interrupted || report.interrupted;
  }
  const std::size_t runs = collection.runs.size();
  std::string line = fmt::format("{} {}; {}", runs, runs == 1 ? "run" : "runs", summary_line(all));
  if (collection.replaced > 0) line += fmt::format("; {} replaced by a later run", collection.replaced);
  return line + ".";
}

std::string run_line(const Collection& collection, const Collection::Run& run) {
  const Report& report = run.source.report;
  std::string command;
  for (const std::string& word : report.command) command += (command.empty() ? "" : " ") + shell_quote(word);
  std::string state = report.interrupted ? ", interrupted" : report.complete ? "" : ", incomplete";
  return fmt::format("{} · {}{} · {} · {}", report.started_at, human_time(static_cast<double>(report.duration_ns)),
                     state, collection.machines[run.machine], command);
}

bool is_failure(const CaseRecord& record) {
  return record.outcome && *record.outcome != Outcome::match && record.accepted.empty();
}

}  // namespace

Page page_of(const Collection& collection, std::optional<Changes> changes) {
  Page page;
  page.title = title_of(collection);
  page.summary = summary_of(collection);
  page.changes = std::move(changes);
  page.tables = data_tables(collection);
  page.figures = figures_of(collection);
  for (const Collection::Run& run : collection.runs) {
    page.runs.push_back(run_line(collection, run));
    for (const CaseRecord& record : run.source.report.cases) {
      if (is_failure(record))
        page.failures.push_back({fmt::format("{}: {}", record.id, to_string(*record.outcome)),
                                 failure_block(record, {.width = 100, .color = false})});
    }
    for (std::string& note : report_notes(run.source.report)) {
      if (std::find(page.notes.begin(), page.notes.end(), note) == page.notes.end())
        page.notes.push_back(std::move(note));
    }
  }
  return page;
}

}  // namespace ringattn
