#pragma once

#include "comm/communicator.h"

#include <ATen/core/Tensor.h>

#include <span>

namespace ringattn {

/// Adds the parameters' gradients up over the ranks, in place, so that each rank may take the same step: every rank's
/// loss is a sum over its own rows, and a parameter that all ranks share has a part of its gradient on each. In rank
/// order, in fp32 (fp64 as soon as one gradient is), rounded once to the gradient's dtype: the same bits on every rank
/// and in every run. A parameter without a gradient counts as 0 and gets one. Collective: the same parameters in the
/// same order on every rank, else UsageError. Cost: comm/rank_sum.h, under hop `rank_sum_hop`; one copy of all
/// gradients.
void sum_gradients(std::span<const at::Tensor> parameters, Communicator& communicator);

}  // namespace ringattn
