#include "report/deterministic.h"

#include "report/json.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace ringattn {
namespace {

constexpr std::array<std::string_view, 8> kOfTheRun = {"command",     "started_at", "duration_ns", "environment",
                                                       "predictions", "warnings",   "planned",     "checks"};
constexpr std::array<std::string_view, 9> kOfTime = {"time_ns",    "time_ns_median", "time_over_one_rank",
                                                     "exposed_ns", "time_ns_priced", "rates",
                                                     "time_ratio", "metering_ns",    "oracle_ns"};

/// Drops what is of time, at any depth.
void drop_times(Json& json) {
  if (json.is_object()) {
    for (const std::string_view key : kOfTime) json.erase(std::string(key));
  }
  if (!json.is_structured()) return;
  for (Json& part : json) drop_times(part);
}

}  // namespace

Json deterministic_part(const Report& report) {
  Json json = to_json(report);
  for (const std::string_view key : kOfTheRun) json.erase(std::string(key));
  drop_times(json.at("cases"));
  Json scaling = Json::array();
  for (Json& record : json.at("scaling")) {
    if (!record.at("quantity").get<std::string>().starts_with("time")) scaling.push_back(std::move(record));
  }
  json["scaling"] = std::move(scaling);
  for (Json& skipped : json.at("skipped")) skipped.erase("reason");
  return json;
}

}  // namespace ringattn
