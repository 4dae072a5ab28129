#pragma once

#include "tests/mutants/mutant.h"

#include <vector>

namespace ringattn::mutants {

/// Every mutant, in the order of the lists below.
const std::vector<Mutant>& all_mutants();

std::vector<Mutant> hop_mutants();       ///< what travels, and when
std::vector<Mutant> tile_mutants();      ///< what one kernel call computes, and how it is merged
std::vector<Mutant> plan_mutants();      ///< which rows and keys, and what is done with masks
std::vector<Mutant> result_mutants();    ///< what becomes of a finished result
std::vector<Mutant> cost_mutants();      ///< right numbers at another price
std::vector<Mutant> backward_mutants();  ///< derivatives

}  // namespace ringattn::mutants
