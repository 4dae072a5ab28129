#pragma once

#include "comm/communicator.h"
#include "ring/ring_attention.h"

#include <memory>

namespace ringattn {

/// attention.forward as a node of LibTorch's autograd graph, where query, key or value require gradients and gradients
/// are being recorded; else plain forward. `out` carries the gradient, lse does not. What is kept for the backward pass
/// is query, key, value, out, lse and the mask of the rank: O(n/k).
/// Backward is collective: every rank's loss must depend on its `out`, and all ranks go through their nodes in the same
/// order, on their own threads, as out.backward() does on the CPU. It gives derivatives of the sum of the ranks'
/// losses. The communicator must outlive the graph. Derivatives of derivatives are refused: RuntimeFailure.
Partial differentiable_forward(const std::shared_ptr<RingAttention>& attention, Communicator& communicator,
                               const RankInputs& inputs);

}  // namespace ringattn
