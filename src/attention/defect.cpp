#include "attention/defect.h"

#include "config/error.h"

#include <array>

namespace ringattn {

std::string_view name_of(const Defect& defect) {
  return std::visit([](const auto& kind) { return kind.name; }, defect);
}

std::string_view summary_of(const Defect& defect) {
  return std::visit([](const auto& kind) { return kind.summary; }, defect);
}

std::span<const Defect> defect_registry() {
  static const std::array<Defect, 2> registry{SlotCausal{}, CyclicMultiset{}};
  return registry;
}

Defect find_defect(std::string_view name) {
  std::string known;
  for (const Defect& defect : defect_registry()) {
    if (name_of(defect) == name) return defect;
    known += known.empty() ? "" : ", ";
    known += name_of(defect);
  }
  throw UsageError("defect: '" + std::string(name) + "' is not known; known defects: " + known);
}

std::string to_string(const Defects& defects) {
  std::string text;
  for (const Defect& defect : defects) {
    text += text.empty() ? "" : " + ";
    text += name_of(defect);
  }
  return text;
}

}  // namespace ringattn
