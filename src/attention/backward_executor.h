#pragma once

#include "attention/executor.h"
#include "plan/returns.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn {

/// The derivatives after this rank's query, key and value rows of a loss whose derivative after its `out` is
/// `grad_out`, summed over the ranks' losses, in the inputs' type. `result` is what `execute` gave. K and V go round
/// once more, the weights are computed anew from q, k and lse, and dK and dV partials in the state's type follow their
/// rows and come home (plan/returns.h). The same bits in each run, whatever the timing and the number of ranks'
/// threads; on a GPU where LibTorch is told to use deterministic algorithms. Under join mean of pairs that meet, the
/// pairs' own results are computed once more first, by a forward pass. Memory above inputs, result and grad_out,
/// exactly where those are contiguous (measure/backward_price.h):
///   state + max(received K/V + sums + arriving derivatives + largest tile, result in another dtype)
Gradients execute_backward(const Plan& plan, const std::vector<Return>& returns, const RankInputs& inputs,
                           const Partial& result, const at::Tensor& grad_out, Communicator& communicator,
                           const BlockBackend& backend, const ExecutorOptions& options = {});

/// The threads that `execute_backward` gives backward_call_limits on this thread.
std::int64_t backward_threads(const at::Device& device);

}  // namespace ringattn
