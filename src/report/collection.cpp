#include "report/collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace ringattn {
namespace {

Environment without_moment(Environment environment) {
  environment.memory_available_bytes = 0;
  return environment;
}

std::string describe(const Environment& e) {
  std::string text = fmt::format("{} of {} cores of {}", e.cpu_cores_usable, e.cpu_cores_online,
                                 e.cpu_model.empty() ? "an unnamed CPU" : e.cpu_model);
  for (const std::string& gpu : e.gpus) text += ", " + gpu;
  text += fmt::format(", {}, ringattn {}", e.build_type, e.ringattn_version);
  if (!e.git_commit.empty()) text += fmt::format(" ({})", e.git_commit);
  return text;
}

/// Machines whose descriptions are alike differ in something finer: they get a number.
std::string distinct(const std::string& name, const std::vector<std::string>& taken) {
  std::string candidate = name;
  for (int i = 2; std::find(taken.begin(), taken.end(), candidate) != taken.end(); ++i)
    candidate = fmt::format("{} [{}]", name, i);
  return candidate;
}

std::vector<std::string> side_key(const ImplementationRecord& r) { return {r.id, r.function, r.metered}; }

using CaseKey = std::tuple<std::size_t, std::string, std::string, Mark, std::vector<std::string>>;

CaseKey key_of(const Collection::Run& run, const CaseRecord& record) {
  std::vector<std::string> sides = side_key(record.candidate);
  if (record.legacy) {
    const std::vector<std::string> old = side_key(*record.legacy);
    sides.insert(sides.end(), old.begin(), old.end());
  }
  return {run.machine, run.source.report.verb, record.id, record.candidate.mark, sides};
}

/// From the last run backwards: what was seen later hides what came earlier.
void hide_replaced(Collection& collection) {
  std::set<CaseKey> seen;
  std::set<std::tuple<std::size_t, std::string, std::string>> finished;
  for (auto run = collection.runs.rbegin(); run != collection.runs.rend(); ++run) {
    Report& report = run->source.report;
    std::set<CaseKey> own;
    for (const CaseRecord& record : report.cases) own.insert(key_of(*run, record));
    collection.replaced +=
        std::erase_if(report.cases, [&](const CaseRecord& record) { return seen.contains(key_of(*run, record)); });
    std::erase_if(report.skipped, [&](const SkippedRecord& skipped) {
      return finished.contains({run->machine, report.verb, skipped.id});
    });
    for (const CaseRecord& record : report.cases) finished.insert({run->machine, report.verb, record.id});
    seen.merge(own);
  }
}

}  // namespace

Collection merge_reports(std::vector<SourceReport> reports) {
  std::stable_sort(reports.begin(), reports.end(), [](const SourceReport& a, const SourceReport& b) {
    return a.report.started_at < b.report.started_at;
  });
  Collection collection;
  std::vector<Environment> known;
  for (SourceReport& source : reports) {
    const Environment environment = without_moment(source.report.environment);
    const auto place = std::find(known.begin(), known.end(), environment);
    const auto machine = static_cast<std::size_t>(place - known.begin());
    if (place == known.end()) {
      known.push_back(environment);
      collection.machines.push_back(distinct(describe(environment), collection.machines));
    }
    collection.runs.push_back({std::move(source), machine});
  }
  hide_replaced(collection);
  return collection;
}

std::vector<CollectionRow> rows_of(const Collection& collection) {
  std::vector<CollectionRow> rows;
  for (const Collection::Run& run : collection.runs) {
    std::set<std::tuple<std::string, Mark, std::vector<std::string>>> seen;
    const auto add = [&](const CaseRecord& record, const ImplementationRecord& r, bool is_legacy) {
      if (seen.insert({record.id, r.mark, side_key(r)}).second) rows.push_back({&run, &record, &r, is_legacy});
    };
    for (const CaseRecord& record : run.source.report.cases) {
      if (record.legacy) add(record, *record.legacy, true);
      add(record, record.candidate, false);
    }
  }
  return rows;
}

std::string machine_label(const Collection& collection, const Collection::Run& run) {
  return collection.machines.size() > 1 ? fmt::format("machine {}", run.machine + 1) : "";
}

}  // namespace ringattn
