#include "cli/implementations.h"

#include "config/config_json.h"
#include "config/error.h"
#include "ring/factory.h"

#include <array>
#include <sstream>

#ifndef RINGATTN_LEGACY
#define RINGATTN_LEGACY 0
#endif
#if RINGATTN_LEGACY
#include "legacy/catalogue.h"
#endif

namespace ringattn {

namespace {

/// Whether the factory can make it: known names that this version does not run are Unavailable there.
bool is_built(const std::string& name) {
  try {
    resolve_implementation(name);
    return true;
  } catch (const Unavailable&) {
    return false;
  }
}

NewImplementation variant(const std::string& name, const std::string& summary) {
  return {name, summary, is_built(name)};
}

}  // namespace

const std::vector<NewImplementation>& new_implementations() {
  static const std::vector<NewImplementation> list{
      variant("auto", "the variant that the configuration asks for"),
      variant("standard", "StandardRingAttention: exact ring attention, every pattern"),
      variant("hilbert", "HilbertRingAttention: rows along a Hilbert curve"),
      variant("distributed", "DistributedRingAttention: recovery, checkpoints, watchdog"),
      variant("block_sparse", "BlockSparseRingAttention: blocks attend chosen blocks"),
  };
  return list;
}

std::vector<std::string> new_implementation_names() {
  std::vector<std::string> names;
  for (const NewImplementation& i : new_implementations()) {
    if (i.built) names.push_back(i.name);
  }
  return names;
}

std::vector<std::string> old_implementation_names() {
  std::vector<std::string> names;
  for (const OldImplementation& i : old_implementations()) {
    if (i.runnable) names.push_back(i.name);
  }
  return names;
}

#if RINGATTN_LEGACY

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

#else

std::vector<OldImplementation> old_implementations() { return {}; }

#endif

}  // namespace ringattn
