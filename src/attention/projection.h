#pragma once

#include "attention/inputs.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

// The learned layers around an attention: x (batch, rows, embed) becomes query, key and value, and what the attention
// returns becomes rows of embed numbers again. Plain functions of the weights; nothing here trains.

namespace ringattn {

/// y = x Wᵀ + b over the last dimension.
struct LinearLayer {
  at::Tensor weight;  ///< (out, in)
  at::Tensor bias{};  ///< (out); undefined: none
  at::Tensor operator()(const at::Tensor& x) const;
};

/// Sizes around an attention of `heads` query heads; embed = heads · head_dim.
struct ProjectionSizes {
  std::int64_t heads = 1;
  std::int64_t head_dim = 1;
  std::int64_t kv_heads = 1;  ///< as many as heads, or a divisor
  std::int64_t embed() const { return heads * head_dim; }
  std::int64_t key_width() const { return kv_heads * head_dim; }
};

/// The four layers; query and out are (embed, embed), key and value (kv_heads · head_dim, embed).
class Projection {
 public:
  Projection(ProjectionSizes sizes, LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer out);

  const ProjectionSizes& sizes() const { return sizes_; }
  const LinearLayer& layer(InputTensor which) const;
  const LinearLayer& out_layer() const { return out_; }

  /// (batch, rows, embed) to (batch, rows, heads or kv_heads, head_dim), contiguous.
  at::Tensor project(InputTensor which, const at::Tensor& x) const;
  /// (batch, rows, heads, head_dim) to the module's result, its channels split into heads again: the same shape.
  at::Tensor project_out(const at::Tensor& core) const;

  /// Whether it changes nothing, so that it rounds nothing either: four identities without bias.
  bool is_identity() const { return is_identity_; }
  /// The same layers in another dtype, rounded once.
  Projection to(at::ScalarType dtype) const;

 private:
  ProjectionSizes sizes_;
  LinearLayer query_, key_, value_, out_;
  bool is_identity_ = false;
};

/// Weights 1 on the diagonal, no bias, fp32. UsageError where kv_heads is not heads.
Projection identity_projection(const ProjectionSizes& sizes);

/// Normal weights times 1/√embed, no bias, fp32: a function of (seed, layer, row, column).
Projection random_projection(const ProjectionSizes& sizes, std::uint64_t seed);

/// The tensors "qkv_proj.weight" (query, key and value one under the other), or "q_proj.weight", "k_proj.weight",
/// "v_proj.weight", and "out_proj.weight" of a safetensors file; "….bias" where there are any. `spec` is
/// FILE.safetensors, or FILE.safetensors#SET for the tensors "inputs/SET/…" of a recordings file. UsageError names
/// file, tensor, its shape and what would be right.
Projection file_projection(const std::string& spec, const ProjectionSizes& sizes);

/// "FILE#SET" as the file and the prefix of its tensors, "inputs/SET/"; without '#' the prefix is empty.
struct TensorSet {
  std::string file;
  std::string prefix;
};
TensorSet tensor_set(const std::string& spec);

/// The layers under the names that recordings and released classes give them: qkv_proj, q_proj, k_proj, v_proj,
/// out_proj, with .weight and, where there is one, .bias. No qkv_proj where only some of its three have a bias.
std::vector<std::pair<std::string, at::Tensor>> named_layers(const Projection& projection);

}  // namespace ringattn
