#include "cli/explain.h"
#include "cli/implementations.h"
#include "config/config_json.h"
#include "legacy/catalogue.h"
#include "legacy/gradients.h"

#include <fmt/format.h>

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

std::string function_words(const legacy::CatalogueEntry& entry) {
  if (!entry.intended) return "none";
  return ringattn::describe({.name = name_of(*entry.intended), .axes = *entry.intended});
}

std::string preserving_json(const legacy::CatalogueEntry& entry) {
  if (!entry.preserving) return "";
  const PatternName name = *entry.preserving;
  const PatternSpec spec{name, name == PatternName::custom ? *entry.intended : PatternAxes{}};
  return Json{{"pattern", to_json(spec)}}.dump();
}

OldImplementation describe(const legacy::CatalogueEntry& entry) {
  OldImplementation old;
  old.name = entry.name;
  old.class_name = entry.class_name;
  old.intended = function_words(entry);
  old.target = entry.guide_target;
  old.preserving = preserving_json(entry);
  old.condition = legacy::condition_of(entry);
  old.in_0_3 = state_in("0.3.0", entry.deprecation);
  old.in_0_4 = state_in("0.4.0", entry.deprecation);
  old.in_0_5 = state_in("0.5.0", entry.deprecation);
  old.runnable = entry.intended.has_value();
  return old;
}

std::string ranks_words(int ranks_min, int ranks_max) {
  if (ranks_min == ranks_max) return ranks_min == 1 ? "1 process" : fmt::format("{} ranks", ranks_min);
  if (ranks_max > 0) return fmt::format("{} to {} ranks", ranks_min, ranks_max);
  return ranks_min == 1 ? "any number of ranks" : fmt::format("{} ranks or more", ranks_min);
}

std::string_view masks_words(bool causal, bool full) {
  if (causal && full) return "causal or not";
  return causal ? "causal" : "not causal";
}

Json shipped_json(const legacy::CatalogueEntry& entry) {
  Json list = Json::array();
  for (const legacy::ShippedBehaviour& behaviour : entry.shipped)
    list.push_back({{"ranks", ranks_words(behaviour.ranks_min, behaviour.ranks_max)},
                    {"ranks_min", behaviour.ranks_min},
                    {"ranks_max", behaviour.ranks_max},
                    {"masks", masks_words(behaviour.causal, behaviour.full)},
                    {"what", behaviour.what},
                    {"defects", behaviour.defects},
                    {"raises", behaviour.raises}});
  return list;
}

/// The guide's own example lists.
Json preserving_config_json(const legacy::CatalogueEntry& entry) {
  const auto config = legacy::preserving_config(entry, legacy::pairs_from({2048, 4096}, {1, 2}));
  if (!config) return nullptr;
  return {{"config", to_json_short(*config)}, {"python", to_python(*config)}};
}

/// What autograd made of the released class, by world size.
Json gradients_json(const legacy::CatalogueEntry& entry) {
  Json list = Json::array();
  for (const legacy::ShippedGradient& gradient : legacy::shipped_gradients(entry))
    list.push_back({{"ranks", ranks_words(gradient.ranks_min, gradient.ranks_max)},
                    {"masks", masks_words(gradient.causal, gradient.full)},
                    {"fate", legacy::to_string(gradient.fate)},
                    {"where", gradient.where},
                    {"error", gradient.error},
                    {"what", gradient.what}});
  return {{"words", legacy::gradient_words(entry)}, {"departures", std::move(list)}};
}

Json explain(const legacy::CatalogueEntry& entry) {
  const std::string filter = fmt::format("{}/*", entry.name);
  const std::string folder = fmt::format("tests/golden/{}", entry.recordings.folder);
  return {{"name", entry.name},
          {"class", entry.class_name},
          {"aliases", entry.aliases},
          {"other_generations", legacy::other_generations(entry)},
          {"commit", entry.commit},
          {"file", entry.file},
          {"summary", entry.summary},
          {"takes", to_string(entry.takes)},
          {"returns", to_string(entry.returns)},
          {"intended", function_words(entry)},
          {"axes", entry.intended ? to_json(PatternSpec{PatternName::custom, *entry.intended}) : Json()},
          {"why", entry.intended_why},
          {"condition", legacy::condition_of(entry)},
          {"extra_dropout", entry.extra_dropout},
          {"guide_target", entry.guide_target},
          {"named_in_guide", entry.named_in_guide},
          {"deprecation", fmt::format("{} in 0.3.0; {} in 0.4.0; {} in 0.5.0", state_in("0.3.0", entry.deprecation),
                                      state_in("0.4.0", entry.deprecation), state_in("0.5.0", entry.deprecation))},
          {"shipped", shipped_json(entry)},
          {"race", entry.race},
          {"gradients", gradients_json(entry)},
          {"preserving", preserving_config_json(entry)},
          {"recordings", Json{{"folder", folder},
                              {"cases", entry.recordings.cases},
                              {"replay", fmt::format("ringattn replay {} --filter '{}'", folder, filter)}}}};
}

}  // namespace

std::vector<Json> explain_old(const std::string& name) {
  std::vector<Json> list;
  for (const legacy::CatalogueEntry* entry : legacy::find_legacy_family(name)) list.push_back(explain(*entry));
  return list;
}

std::vector<OldImplementation> old_implementations() {
  std::vector<OldImplementation> list;
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) list.push_back(describe(entry));
  return list;
}

}  // namespace ringattn
