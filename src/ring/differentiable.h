#pragma once

#include "attention/interface.h"
#include "comm/communicator.h"

#include <functional>
#include <memory>
#include <string>

namespace ringattn {

/// What goes with a node besides its inputs.
struct NodeOptions {
  bool validates_gradients = false;               ///< hold every backward against the oracle (ring/gradient_check.h)
  std::function<void(const std::string&)> log{};  ///< is told what was checked; may be empty
  std::shared_ptr<Communicator> communicator{};   ///< the one that forward is given, where it must live as long
};

/// attention.forward as a node of LibTorch's autograd graph, where query, key or value require gradients and gradients
/// are being recorded; else plain forward. `out` carries the gradient, lse does not. What is kept for the backward pass
/// is query, key, value, out, lse and the mask of the rank: O(n/k).
/// Backward is collective: every rank's loss must depend on its `out`, and all ranks go through their nodes in the same
/// order, on their own threads, as out.backward() does on the CPU. It gives derivatives of the sum of the ranks'
/// losses. The communicator must outlive the graph. Derivatives of derivatives are refused: RuntimeFailure.
Partial differentiable_forward(const std::shared_ptr<Attention>& attention, Communicator& communicator,
                               const RankInputs& inputs, const NodeOptions& options = {});

}  // namespace ringattn
