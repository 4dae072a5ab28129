#pragma once

#include "attention/interface.h"
#include "comm/world.h"

#include <vector>

namespace ringattn {

/// After a run in which each rank left its results, on the CPU, in its own place: rank 0's process gets them all.
/// Collective; where ranks are threads nothing is left to do. `gradients` may be empty. Holds the results of all ranks
/// twice for a while.
void gather_results(World& world, std::vector<Partial>& results, std::vector<Gradients>& gradients);

}  // namespace ringattn
