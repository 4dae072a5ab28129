#pragma once

#include "measure/rank_world.h"
#include "measure/sampling.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// What a message between two ranks of this process takes. Both ranks send and receive `bytes` at once, as neighbours
/// in a ring do, from the moment both are ready until the later one has its rows; the copying is part of it.
std::vector<std::int64_t> exchange_samples(RankWorld& two_ranks, std::int64_t bytes, const SamplingOptions& options);

/// Half of the time that `bytes` take from rank 0 to rank 1 and back, one message after the other.
std::vector<std::int64_t> ping_samples(RankWorld& two_ranks, std::int64_t bytes, const SamplingOptions& options);

}  // namespace ringattn
