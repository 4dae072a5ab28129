#include "legacy/deprecation.h"

#include <ostream>

namespace ringattn::legacy {

std::string deprecation_text(const CatalogueEntry& entry) {
  const DeprecationSchedule& schedule = entry.deprecation;
  std::string text = std::string(entry.class_name) + " (" + std::string(entry.name) + "): deprecated since " +
                     std::string(schedule.warns) + ", in legacy/ since " + std::string(schedule.moves) +
                     ", removed in " + std::string(schedule.removed) + "; use " + std::string(entry.guide_target);
  if (entry.preserving == PatternName::custom) text += " with a pattern spelled in axes";
  if (entry.preserving && entry.preserving != PatternName::custom)
    text += " with pattern \"" + std::string(to_string(*entry.preserving)) + "\"";
  return text;
}

void DeprecationNotices::announce(const CatalogueEntry& entry) {
  const std::lock_guard lock(mutex_);
  if (!announced_.insert(std::string(entry.name)).second) return;
  out_ << "warning: " << deprecation_text(entry) << '\n';
}

}  // namespace ringattn::legacy
