#pragma once

#include "attention/projection.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The layers of a Projection with those of query, key and value one under the other, so that one product makes all
/// three. Plain functions of the weights, which may be trained.
struct FusedProjection {
  ProjectionSizes sizes;
  LinearLayer qkv;  ///< (embed + 2 · key_width, embed)
  LinearLayer out;  ///< (embed, embed)

  struct Heads {
    at::Tensor query;  ///< (batch, rows, heads, head_dim)
    at::Tensor key;    ///< (batch, rows, kv_heads, head_dim)
    at::Tensor value;
  };
  /// Of x (batch, rows, embed): views of one product.
  Heads project(const at::Tensor& x) const;
  /// (batch, rows, heads, head_dim) to (batch, rows, embed).
  at::Tensor project_out(const at::Tensor& core) const { return out(core.flatten(-2)); }
  /// The same layers on another device; those that are there already are not copied.
  FusedProjection on(const at::Device& device) const;
};

/// Copies. A bias that only some of query, key and value have is 0 for the others.
FusedProjection fuse(const Projection& projection);

}  // namespace ringattn
