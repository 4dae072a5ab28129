#pragma once

#include "attention/block_backend.h"
#include "attention/call_bias.h"
#include "attention/tile_call.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringattn {

/// The sizes of one kernel call; rows and keys are one segment's.
struct LoneCall {
  std::int64_t batches = 1;
  std::int64_t heads = 1;
  std::int64_t rows = 1;
  std::int64_t keys = 1;
  std::int64_t head_dim = 64;
  MaskRule rule = MaskRule::full;
  BiasShape bias{};  ///< an input of the call
  bool drops = false;
  bool shares_key_head = false;  ///< all heads read one key head
  bool out_is_apart = false;     ///< backward: the rows of out don't lie one after another
  bool grad_is_apart = false;    ///< and those of its derivative
  double softmax_scale = 1.0;    ///< the library's bf16 products have a few bytes more where it isn't 1
  // clang-tidy 14 takes the generated comparison with 0 for one with a null pointer.
  auto operator<=>(const LoneCall&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// `mask_batch`: batch indices of the mask, 0 where there is none.
LoneCall lone_call(const AttentionFunction& function, const PlanTile& tile, const TileCall& call, std::int64_t head_dim,
                   std::int64_t mask_batch);

/// What one call allocates at its peak above its inputs, its result included, and what is left of it in its result.
struct LoneUse {
  std::int64_t peak_bytes = 0;
  std::int64_t result_bytes = 0;
};
/// Measured from a lone call on zeros, on the calling thread with its intra-op threads. What the CPU kernel takes for
/// 6144 rows or keys and more is told from shorter calls, by how it grows from one to the next.
LoneUse lone_use(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype, at::Device device);
/// The peak of a backward call, measured alike.
std::int64_t lone_backward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype,
                                 at::Device device = at::kCPU);

}  // namespace ringattn
