#include "tests/mutants/mutant_table.h"

namespace ringattn::mutants {

const std::vector<Mutant>& all_mutants() {
  static const std::vector<Mutant> mutants = [] {
    std::vector<Mutant> all;
    for (const auto& list :
         {hop_mutants(), tile_mutants(), plan_mutants(), result_mutants(), cost_mutants(), backward_mutants()})
      all.insert(all.end(), list.begin(), list.end());
    return all;
  }();
  return mutants;
}

}  // namespace ringattn::mutants
