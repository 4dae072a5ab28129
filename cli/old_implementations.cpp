#include "cli/implementations.h"
#include "config/config_json.h"
#include "legacy/catalogue.h"

#include <array>
#include <sstream>
#include <string_view>

namespace ringattn {
namespace {

/// "0.4.0" as numbers, so that 0.10 comes after 0.9.
std::array<int, 3> numbers(std::string_view version) {
  std::array<int, 3> parts{};
  std::istringstream text{std::string(version)};
  char dot = '.';
  text >> parts[0] >> dot >> parts[1] >> dot >> parts[2];
  return parts;
}

std::string state_in(std::string_view version, const legacy::DeprecationSchedule& schedule) {
  const auto now = numbers(version);
  if (now >= numbers(schedule.removed)) return "removed";
  if (now >= numbers(schedule.moves)) return "in legacy/, warns";
  return now >= numbers(schedule.warns) ? "warns" : "supported";
}

std::string preserving_json(const legacy::CatalogueEntry& entry) {
  if (!entry.preserving) return "";
  return Json{{"pattern", to_string(*entry.preserving)}}.dump();
}

OldImplementation describe(const legacy::CatalogueEntry& entry) {
  OldImplementation old;
  old.name = entry.name;
  old.class_name = entry.class_name;
  const PatternName name = name_of(entry.intended);
  old.intended = ringattn::describe({.name = name, .axes = entry.intended});
  old.target = entry.guide_target;
  old.preserving = preserving_json(entry);
  old.condition = entry.condition;
  old.in_0_3 = state_in("0.3.0", entry.deprecation);
  old.in_0_4 = state_in("0.4.0", entry.deprecation);
  old.in_0_5 = state_in("0.5.0", entry.deprecation);
  old.runnable = true;
  return old;
}

}  // namespace

std::vector<OldImplementation> old_implementations() {
  std::vector<OldImplementation> list;
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) list.push_back(describe(entry));
  return list;
}

}  // namespace ringattn
