#include "tests/retention/whole_call.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn {

Positions WholeCall::do_query_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

Positions WholeCall::do_key_positions(int rank, int world_size) const { return do_query_positions(rank, world_size); }

BlockInputs WholeCall::call(const RankInputs& inputs) const {
  return {.query = inputs.query.transpose(1, 2),
          .key = inputs.key.transpose(1, 2),
          .value = inputs.value.transpose(1, 2),
          .rule = function().is_causal ? MaskRule::causal : MaskRule::full,
          .softmax_scale = 1.0 / std::sqrt(static_cast<double>(inputs.query.size(3)))};
}

Partial WholeCall::do_forward(Communicator&, const RankInputs& inputs) {
  const Partial result = backend_->forward(call(inputs));
  return {result.out.transpose(1, 2), result.lse};
}

Gradients WholeCall::do_backward(Communicator&, const RankInputs& inputs, const Partial& result,
                                 const at::Tensor& grad_out) {
  const BlockGradients gradients = backend_->backward(
      call(inputs), {.out = result.out.transpose(1, 2), .lse = result.lse, .grad_out = grad_out.transpose(1, 2)});
  return {gradients.query.transpose(1, 2), gradients.key.transpose(1, 2), gradients.value.transpose(1, 2)};
}

}  // namespace ringattn
