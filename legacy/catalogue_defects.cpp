#include "legacy/catalogue.h"

namespace ringattn::legacy {

Defects known_defects(const CatalogueEntry& entry, int ranks, bool is_causal, const std::vector<Pair>& pairs) {
  Defects defects;
  if (const ShippedBehaviour* behaviour = shipped_behaviour(entry, ranks, is_causal)) {
    const int chunks = behaviour->chunks > 0 ? behaviour->chunks : ranks;
    for (const std::string_view name : behaviour->defects) {
      defects.push_back(find_defect(name, chunks));
      defects.back().given = pairs;
    }
  }
  return defects;
}

}  // namespace ringattn::legacy
