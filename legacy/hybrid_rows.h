#pragma once

#include "legacy/merges.h"
#include "legacy/released.h"
#include "legacy/semantics.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

// RingDilatedAttentionHybridOptimizedV2 @3ce07ad and its children: one process and several ranks compute different
// functions, and several ranks all compute all rows.

namespace ringattn::legacy {

/// The patterns that the constructor made for every offset below r: LegacyRaises (torch.arange) where r - 1 > w, unless
/// "precompute_patterns" is false.
void require_patterns(const ReleasedArguments& arguments);

/// F3, one process: in each segment of ℓ = min(w, n - start) rows, slots t = 0, r, 2r, … < ℓ hold row (t + i) mod ℓ for
/// pair i (i mod r); these rows attend each other, the others are 0; the first groups are the larger ones. Causal: by
/// slot in a segment that starts at row 0, AttributeError in any other. As shipped the constructor asked for a GPU.
at::Tensor hybrid_one_process(const FullInputs& inputs, const ReleasedArguments& arguments);

/// How a child changed the ring; undefined: not at all.
struct HybridOrders {
  std::function<at::Tensor(std::int64_t)> queries{};  ///< order of a segment's dilated queries, by their number
  std::function<at::Tensor(std::int64_t)> keys{};     ///< order of a chunk's keys, for dilated queries
};

/// Several ranks: each holds all queries, K and V go round in chunks of n/R rows. r = 1: the keys of segment and chunk.
/// r > 1: a segment's dilated queries attend *all* keys of every chunk that contains one of these queries' positions.
/// Causal by position; a row that faces a chunk wholly ahead of it is NaN, and stays so.
at::Tensor hybrid_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                       const HybridOrders& orders = {});

/// One process, or a ring of as many ranks as the constructor was told.
at::Tensor hybrid_forward(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                          const HybridOrders& orders = {});

}  // namespace ringattn::legacy
