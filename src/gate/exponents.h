#pragma once

#include "config/workload.h"
#include "gate/facts.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ringattn {

/// Own bytes of the rank that needs most, in one case.
struct GrowthPoint {
  Case axes;
  std::int64_t own_bytes = 0;
};

/// For each set of cases that differ in seq_len alone, and in ranks alone, with three or more of them: the exponent,
/// rounded to 1e-6. A case without own bytes (one tile over everything on one rank) is no point of a fit, nor is one
/// with fewer rows than ranks, where a rank's rows do not depend on either.
std::vector<ExponentFact> fit_exponents(std::span<const GrowthPoint> points);

}  // namespace ringattn
