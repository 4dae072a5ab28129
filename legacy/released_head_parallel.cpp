#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"

#include <ATen/ATen.h>

// Classes around ImprovedDilatedAttention: heads shared out over the ranks (HeadParallel, @3ce07ad), and
// RingDistributed (@36c40da), which has no ring.

namespace ringattn::legacy {
namespace {

/// Each rank computes its own heads, in groups of their own, and sends a tensor of all heads, the others 0, to all
/// ranks.
at::Tensor head_parallel(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t world_size = communicator.world_size();
  if (world_size == 1) return improved(communicator, inputs, arguments);
  const std::int64_t heads = inputs.query.size(2);
  python_assert(heads % world_size == 0, "Number of heads " + std::to_string(heads) +
                                             " must be divisible by world size " + std::to_string(world_size));
  const std::int64_t own = heads / world_size;
  const auto heads_of_rank = [own](const at::Tensor& tensor, std::int64_t rank) {
    return tensor.narrow(2, rank * own, own);
  };
  const auto mine = [&](const at::Tensor& tensor) { return heads_of_rank(tensor, communicator.rank()).contiguous(); };
  at::Tensor padded = at::zeros_like(inputs.query);
  heads_of_rank(padded, communicator.rank())
      .copy_(improved(communicator, {mine(inputs.query), mine(inputs.key), mine(inputs.value)}, arguments));
  const std::vector<at::Tensor> gathered = all_gather(communicator, padded);
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t rank = 0; rank < world_size; ++rank) {
    heads_of_rank(out, rank).copy_(heads_of_rank(gathered[static_cast<std::size_t>(rank)], rank));
  }
  return out;
}

}  // namespace

at::Tensor released_head_parallel(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  return head_parallel(communicator, attention_inputs(inputs), arguments);
}

at::Tensor released_head_parallel_multihead(Communicator& communicator, const ReleasedInputs& inputs,
                                            const ReleasedArguments& arguments) {
  return project_out(inputs,
                     head_parallel(communicator, project_separate(inputs, recorded_heads(arguments)), arguments));
}

/// The constructor passed on what the inner class does not know.
at::Tensor released_head_parallel_optimized(Communicator& /*communicator*/, const ReleasedInputs& /*inputs*/,
                                            const ReleasedArguments& /*arguments*/) {
  throw LegacyRaises("TypeError",
                     "DilatedAttentionConfig.__init__() got an unexpected keyword argument 'use_xformers'");
}

/// All rows of x on every rank, and nothing sent. is_causal went in where a padding mask was expected, and was lost.
at::Tensor released_ring_distributed(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  const std::int64_t heads = recorded_heads(arguments);
  ReleasedArguments bidirectional = arguments;
  bidirectional.is_causal = false;
  at::Tensor core = improved(communicator, project_fused(inputs, inputs.tensor("x"), heads), bidirectional);
  if (option(arguments.constructor, "layer_norm", true)) {
    const double epsilon = optional_number(arguments.constructor, "layer_norm_eps").value_or(1e-5);
    core = split_heads(layer_norm(inputs, "q_ln", join_heads(core), epsilon), heads);
  }
  return project_out(inputs, core);
}

}  // namespace ringattn::legacy
