#include "report/store.h"

#include "config/error.h"
#include "report/json.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

/// The first place where two values differ, the root itself included; nullopt where they are equal.
std::optional<Json::json_pointer> first_difference(const Json& a, const Json& b,
                                                   const Json::json_pointer& here = Json::json_pointer()) {
  if (a == b) return std::nullopt;
  if (!a.is_object() || !b.is_object()) return here;
  for (const auto& item : a.items()) {
    if (!b.contains(item.key())) return here / item.key();
    if (auto deeper = first_difference(item.value(), b.at(item.key()), here / item.key())) return deeper;
  }
  for (const auto& item : b.items()) {
    if (!a.contains(item.key())) return here / item.key();
  }
  return std::nullopt;
}

std::string value_at(const Json& root, const Json::json_pointer& place) {
  return root.contains(place) ? root.at(place).dump() : "absent";
}

/// What two runs must share for one to go on with the other's cases.
Json comparable(const Report& report) {
  Json resolved = to_json(report.resolved);
  resolved.erase("provenance");
  return {{"verb", report.verb},
          {"resolved", resolved},
          {"environment",
           {{"ringattn_version", report.environment.ringattn_version}, {"git_commit", report.environment.git_commit}}}};
}

}  // namespace

void save_report(const Report& report, const fs::path& path) { write_file_atomically(path, to_json_text(report)); }

Report load_report(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) throw UsageError(fmt::format("{}: cannot be read", path.string()));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return report_from_json(text, path.string());
}

Report resume(const Report& fresh, const Report& previous, const std::string& source) {
  const Json ours = comparable(fresh);
  const Json theirs = comparable(previous);
  if (const auto place = first_difference(theirs, ours)) {
    throw UsageError(
        fmt::format("--resume {}: {} is {} there and {} now: only a run with the same configuration can go on", source,
                    place->to_string(), value_at(theirs, *place), value_at(ours, *place)));
  }
  Report report = fresh;
  report.cases = previous.cases;
  report.checks = previous.checks;
  report.planned = previous.planned;
  report.summary = summarize(report);
  return report;
}

}  // namespace ringattn
