#pragma once

#include "config/problem.h"
#include "config/ring_attention_config.h"

#include <cstdint>

namespace ringattn {

/// What a call is about, besides the problem.
struct EstimateShape {
  std::int64_t batch = 1;
  std::int64_t head_dim = 64;
  Dtype dtype = Dtype::fp32;
};

/// Bytes of the rank that needs most, from its plan alone: nothing is allocated or run.
struct MemoryEstimate {
  int rank = 0;                       ///< the one that needs most forward
  std::int64_t input_bytes = 0;       ///< its query, key and value rows
  std::int64_t forward_bytes = 0;     ///< above them: running state, receive buffers, result
  std::int64_t backward_bytes = 0;    ///< above query, key, value, out, lse and the derivative after out
  std::int64_t sent_bytes = 0;        ///< forward, of the rank that sends most
  std::int64_t all_gather_bytes = 0;  ///< what K and V of all n rows take, which an all_gather puts on every rank
  /// input_bytes + forward_bytes over the same with K and V of all rows: 1 where nothing is saved.
  double ratio() const;
};

/// With a ring of ring_size, or world_size, ranks; batch is the ring's. What a library kernel takes of its own for one
/// tile is not in it: the plan doesn't know it. Cost: world_size plans. UsageError as of RingAttention.
MemoryEstimate estimate_memory_usage(const RingAttentionConfig& config, const Problem& problem,
                                     const EstimateShape& shape, int world_size);

}  // namespace ringattn
