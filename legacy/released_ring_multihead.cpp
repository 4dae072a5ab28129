#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_rings.h"

#include <ATen/ATen.h>

#include <string>

namespace ringattn::legacy {
namespace {

void require_whole_heads(std::int64_t embed, std::int64_t heads, const std::string& error) {
  if (embed % heads == 0) return;
  throw LegacyRaises(error, "embed_dim (" + std::to_string(embed) + ") must be divisible by num_heads (" +
                                std::to_string(heads) + ")");
}

/// Fused projection, the attention, LayerNorm over all heads together where the class had one, output projection.
at::Tensor multihead(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                     ReleasedCore core) {
  const at::Tensor& x = inputs.tensor("x");
  const std::int64_t heads = recorded_heads(arguments);
  require_whole_heads(x.size(2), heads, "ValueError");
  const at::Tensor attended = core(communicator, project_fused(inputs, x, heads), arguments);
  if (!option(arguments.constructor, "layer_norm", true)) return project_out(inputs, attended);
  const double epsilon = option(arguments.constructor, "layer_norm_eps", 1e-5);
  return linear(inputs, "out_proj", layer_norm(inputs, "q_ln", join_heads(attended), epsilon));
}

/// The first generation refused head sizes that its kernels would not like; later ones warned.
void require_kernel_heads(const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t dim = inputs.tensor("x").size(2) / recorded_heads(arguments);
  if (dim % 8 == 0 && dim <= 128) return;
  throw LegacyRaises("ValueError", "head_dim (embed_dim / num_heads = " + std::to_string(dim) + ") must be " +
                                       (dim % 8 == 0 ? "<= 128" : "divisible by 8"));
}

/// LayerNorm over each head's features, times gamma, which is gamma_init until it is trained.
at::Tensor normed_heads(const ReleasedInputs& inputs, const ReleasedArguments& arguments, const std::string& name,
                        const at::Tensor& rows) {
  const double epsilon = option(arguments.constructor, "layer_norm_eps", 1e-5);
  const at::Tensor normed = layer_norm(inputs, name + "_norm", rows, epsilon);
  const at::Tensor gamma = inputs.find("gamma_" + name);
  return gamma.defined() ? normed * gamma : normed * option(arguments.constructor, "gamma_init", 1.0);
}

}  // namespace

at::Tensor ring_multihead_first(Communicator& communicator, const ReleasedInputs& inputs,
                                const ReleasedArguments& arguments) {
  return multihead(communicator, inputs, arguments, first_ring);
}

at::Tensor ring_multihead_advanced(Communicator& communicator, const ReleasedInputs& inputs,
                                   const ReleasedArguments& arguments) {
  require_kernel_heads(inputs, arguments);
  return multihead(communicator, inputs, arguments, first_ring_unguarded);
}

at::Tensor ring_multihead_collective(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  const at::Tensor& x = inputs.tensor("x");
  const std::int64_t heads = recorded_heads(arguments);
  require_whole_heads(x.size(2), heads, "AssertionError");
  FullInputs rows = project_fused(inputs, x, heads);
  if (option(arguments.constructor, "layer_norm", false)) {
    rows.query = normed_heads(inputs, arguments, "q", rows.query);
    rows.key = normed_heads(inputs, arguments, "k", rows.key);
  }
  return project_out(inputs, ring_v2_collective(communicator, rows, arguments));
}

}  // namespace ringattn::legacy
