#pragma once

#include "legacy/released.h"
#include "legacy/ring_pass.h"
#include "legacy/semantics.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

// The classes of @36c40da that take one x, project it, keep what they are given of it, and return as many rows: their
// frame, and the merge that two of them share.

namespace ringattn::legacy {

using LocalAttention = std::function<at::Tensor(const FullInputs& local)>;

/// out_proj(attention(qkv_proj(rows))) with the rank's own rows of "x". Where the class cut them itself, AssertionError
/// for rows that do not divide; `words`: whether the class said so.
at::Tensor projected(const Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                     const LocalAttention& attention, bool words = false);

/// A ring over the ranks' local keys and values, tensors[0] and tensors[1] of each step.
void ring_of_local(Communicator& communicator, const FullInputs& local, const RingVisit& visit);

/// U (batch, heads, rows, dim) and L (batch, heads, rows, 1) of a recurrence that carries U by the wrong maximum: with
/// m = max(largest score, L), U ← U e^{L - m} + Σ e^{s - m} v and L ← m + log(e^{L - m} + Σ e^{s - m}). Right would be
/// the factor e^{m' - m}, m' the m of the step before. Even one step leaves U times e^{-m}, which nobody restores.
struct MixedUpSoftmax {
  at::Tensor weighted;
  at::Tensor lse;
};
MixedUpSoftmax mixed_up_softmax(Communicator& communicator, const FullInputs& local, bool is_causal);

}  // namespace ringattn::legacy
