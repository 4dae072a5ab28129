#include "legacy/projection.h"

#include "config/error.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {

at::Tensor linear(const ReleasedInputs& inputs, const std::string& name, const at::Tensor& x) {
  return at::linear(x, inputs.tensor(name + ".weight"), inputs.find(name + ".bias"));
}

at::Tensor layer_norm(const ReleasedInputs& inputs, const std::string& name, const at::Tensor& x, double epsilon) {
  return at::layer_norm(x, {x.size(-1)}, inputs.find(name + ".weight"), inputs.find(name + ".bias"), epsilon);
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  if (heads < 1 || x.size(-1) % heads != 0) {
    throw UsageError("num_heads: must divide the embedding of " + std::to_string(x.size(-1)) + " (got " +
                     std::to_string(heads) + ")");
  }
  return x.unflatten(-1, {heads, x.size(-1) / heads});
}

at::Tensor join_heads(const at::Tensor& x) { return x.flatten(-2); }

FullInputs project_fused(const ReleasedInputs& inputs, const at::Tensor& x, std::int64_t heads,
                         const std::string& prefix) {
  const std::vector<at::Tensor> thirds = linear(inputs, prefix + "qkv_proj", x).chunk(3, -1);
  return {split_heads(thirds.at(0), heads), split_heads(thirds.at(1), heads), split_heads(thirds.at(2), heads)};
}

FullInputs project_separate(const ReleasedInputs& inputs, std::int64_t heads, const std::string& prefix) {
  const auto project = [&](const std::string& layer, const std::string& input) {
    return split_heads(linear(inputs, prefix + layer, inputs.tensor(input)), heads);
  };
  return {project("q_proj", "query"), project("k_proj", "key"), project("v_proj", "value")};
}

at::Tensor project_out(const ReleasedInputs& inputs, const at::Tensor& core, const std::string& prefix) {
  return linear(inputs, prefix + "out_proj", join_heads(core));
}

std::int64_t recorded_heads(const ReleasedArguments& arguments) {
  const auto heads = optional_integer(arguments.constructor, "num_heads");
  if (heads && *heads > 0) return *heads;
  throw UsageError("constructor.num_heads: must be a positive integer");
}

}  // namespace ringattn::legacy
