#include "attention/defect.h"

#include "attention/departure.h"
#include "config/error.h"

namespace ringattn {

std::string_view name_of(const Defect& defect) { return defect.name; }

std::string_view summary_of(const Defect& defect) { return oracle::departure_of(defect.name).summary; }

std::span<const Defect> defect_registry() {
  static const std::vector<Defect> registry = [] {
    std::vector<Defect> all;
    for (const oracle::Departure& departure : oracle::departures()) all.push_back({departure.name});
    return all;
  }();
  return registry;
}

std::vector<Defect> single_defects(int ranks) {
  std::vector<Defect> all;
  for (const oracle::Departure& departure : oracle::departures()) {
    if (ranks > 1 || !departure.wants_ranks) all.push_back({departure.name, ranks});
  }
  return all;
}

Defect find_defect(std::string_view name, int ranks) {
  std::string known;
  for (const Defect& defect : defect_registry()) {
    if (defect.name == name) return {defect.name, ranks};
    known += known.empty() ? "" : ", ";
    known += defect.name;
  }
  throw UsageError("defect: '" + std::string(name) + "' is not known; known defects: " + known);
}

std::string to_string(const Defects& defects) {
  std::string text;
  for (const Defect& defect : defects) {
    text += text.empty() ? "" : " + ";
    text += defect.name;
  }
  return text;
}

}  // namespace ringattn
