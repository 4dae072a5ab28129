#include "legacy/local_ring.h"

#include "legacy/projection.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <limits>

namespace ringattn::legacy {
namespace {

/// A rank's own rows of x: as given, or cut here.
at::Tensor local_rows(const Communicator& communicator, const ReleasedInputs& inputs,
                      const ReleasedArguments& arguments, bool words) {
  const at::Tensor& x = inputs.tensor("x");
  if (communicator.world_size() == 1) return x;
  if (!arguments.is_presplit) {
    const std::string message = "seq_len " + std::to_string(x.size(1)) + " must be divisible by world_size " +
                                std::to_string(communicator.world_size());
    python_assert(x.size(1) % communicator.world_size() == 0, words ? message : "");
  }
  return own_rows(communicator, x).contiguous();
}

/// What rank `own` may see of the chunk of rank `source`: its triangle, everything earlier, nothing later.
at::Tensor visible_of_chunk(std::int64_t own, std::int64_t source, std::int64_t rows, at::Device device) {
  const std::int64_t shift = source == own ? 0 : source < own ? rows : -rows;
  return triangle(rows, rows, shift, device);
}

}  // namespace

at::Tensor projected(const Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                     const LocalAttention& attention, bool words) {
  const at::Tensor x = local_rows(communicator, inputs, arguments, words);
  return project_out(inputs, attention(project_fused(inputs, x, recorded_heads(arguments))));
}

void ring_of_local(Communicator& communicator, const FullInputs& local, const RingVisit& visit) {
  ring_pass(communicator, {local.key, local.value}, {}, visit);
}

MixedUpSoftmax mixed_up_softmax(Communicator& communicator, const FullInputs& local, bool is_causal) {
  const at::Tensor query = local.query.transpose(1, 2);
  MixedUpSoftmax state{at::zeros_like(query),
                       at::full_like(query.narrow(3, 0, 1), -std::numeric_limits<double>::infinity())};
  ring_of_local(communicator, local, [&](const RingStep& step) {
    const at::Tensor visible =
        is_causal ? visible_of_chunk(communicator.rank(), step.source, query.size(2), query.device()) : at::Tensor();
    const at::Tensor scores = masked_scores(local.query, step.tensors[0], visible);
    const at::Tensor larger = at::maximum(scores.amax(-1, true), state.lse);
    const at::Tensor weights = (scores - larger).exp();
    const at::Tensor carry = (state.lse - larger).exp();
    state.weighted = state.weighted * carry + at::matmul(weights, step.tensors[1].transpose(1, 2));
    state.lse = larger + (carry + weights.sum(-1, true)).log();
  });
  return state;
}

}  // namespace ringattn::legacy
