#pragma once

#include "measure/sampling.h"

#include <cstdint>
#include <vector>

namespace ringattn {

// STREAM's kernels (McCalpin) over three fp32 arrays of `bytes` each, on all intra-op threads of the caller. Arrays
// must be larger than the caches.

/// a = b: 2 · bytes move.
std::vector<std::int64_t> copy_samples(std::int64_t bytes, const SamplingOptions& options);
/// a = b + s · c: 3 · bytes move.
std::vector<std::int64_t> triad_samples(std::int64_t bytes, const SamplingOptions& options);

}  // namespace ringattn
