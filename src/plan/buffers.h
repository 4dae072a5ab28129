#pragma once

#include "plan/cost.h"
#include "plan/plan.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// When the memory that receives K and V is taken and given back.
struct BufferRule {
  /// Two buffers, each as large as the largest hop that it holds, that hops use in turn. Else each hop takes what it
  /// brings, and that goes when the next rank has what was sent on from it.
  bool uses_pool = true;
  bool preallocates = true;  ///< the pool before the first step; else each buffer when a hop first needs it
  bool frees_early = false;  ///< what no later hop needs goes before the last step's tiles; else after them
};

/// Bytes that are alive for received K and V while the tiles of each step run. `overlaps`: the next hop is posted
/// before them.
std::vector<std::int64_t> live_buffer_bytes(const Plan& plan, const CostShape& shape, const BufferRule& rule,
                                            bool overlaps);

/// The most that is alive for them between tiles, while an exchange is under way.
std::int64_t exchange_buffer_bytes(const Plan& plan, const CostShape& shape, const BufferRule& rule);

}  // namespace ringattn
