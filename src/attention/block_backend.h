#pragma once

#include "attention/interface.h"
#include "config/ring_attention_config.h"
#include "kernels/dropout.h"
#include "plan/causal.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace ringattn {

/// Where the weights of a tile lie, for dropout that goes by place.
struct BlockDropout {
  kernels::DropoutRule rule;
  std::int64_t batch_begin = 0;
  std::int64_t head_begin = 0;
  std::span<const std::int64_t> query_positions;  ///< of each row
  std::span<const std::int64_t> key_positions;    ///< of each key
};

/// One tile: query (batch, heads, rows, dim), key and value (batch, heads, keys, dim), any strides with dim contiguous.
struct BlockInputs {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  MaskRule rule = MaskRule::full;  ///< full or causal; `positions` is in the bias
  double softmax_scale = 1.0;
  /// Added to the scaled scores: (batch or 1, heads or 1, rows or 1, keys), fp32, or fp64 for fp64 inputs.
  at::Tensor bias{};
  /// Rows that bias and rule leave without any key: bool (batch or 1, heads or 1, rows or 1). Defined with a bias.
  at::Tensor empty_rows{};
  std::optional<BlockDropout> dropout{};
};

/// What a tile's backward needs besides: of the row's whole attention, of which the tile is a part.
struct BlockGradientInputs {
  at::Tensor out;       ///< (batch, heads, rows, dim), not scaled; in the inputs' type
  at::Tensor lse;       ///< (batch, heads, rows), of the state's type; +inf for rows that see no key at all
  at::Tensor grad_out;  ///< as out
};

/// The derivatives of one tile: what its queries and its keys contribute, in the inputs' type: query (batch, heads,
/// rows, dim), key and value (batch, heads, keys, dim). A key head that all query heads share may have its own for each
/// of them, or one, summed: (batch, 1, keys, dim).
struct BlockGradients {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
};

/// Exact attention of one tile: what a ring step is made of. Result: out (batch, heads, rows, dim) in the inputs' type,
/// lse (batch, heads, rows) in fp32, or fp64 for fp64 inputs; a row that saw no key has out 0 and lse -inf, whatever a
/// library thinks of such rows. A key that the bias hides must be finite.
class BlockBackend {
 public:
  virtual ~BlockBackend() = default;
  virtual std::string name() const = 0;
  /// What computes a tile of these inputs on the device: "sdpa", or "sdpa (cudnn)".
  std::string name_on(const at::Device& device, at::ScalarType dtype, std::int64_t head_dim) const {
    const std::string kernel = kernel_on(device, dtype, head_dim);
    return kernel.empty() ? name() : name() + " (" + kernel + ")";
  }
  /// The kernel behind the name where the backend has several, "reference" where it falls back to plain operations;
  /// else "".
  std::string kernel_on(const at::Device& device, at::ScalarType dtype, std::int64_t head_dim) const {
    return do_kernel_on(device, dtype, head_dim);
  }
  Partial forward(const BlockInputs& inputs) const;
  /// With the weights of the whole row, P = exp(s - lse), Z its dropout factors (1 without), and D = rowsum(dO · O):
  ///   dV = (P · Z)^T dO,   dS = P · (Z · dO V^T - D),   dQ = scale · dS K,   dK = scale · dS^T Q.
  /// Stores no score beyond a block of rows. `inputs.empty_rows` is not read.
  BlockGradients backward(const BlockInputs& inputs, const BlockGradientInputs& result) const {
    return do_backward(inputs, result);
  }

 private:
  virtual Partial do_forward(const BlockInputs& inputs) const = 0;
  virtual BlockGradients do_backward(const BlockInputs& inputs, const BlockGradientInputs& result) const = 0;
  virtual std::string do_kernel_on(const at::Device& device, at::ScalarType dtype, std::int64_t head_dim) const;
};

/// Plain tensor operations: fp32 arithmetic for low-precision inputs, scores of 256 rows at a time. Runs everything.
/// Memory above the result: batch · heads · 256 · keys scores, twice, and copies of its keys, values and 256 queries.
std::unique_ptr<BlockBackend> make_reference_backend();

/// LibTorch's attention kernels, which return the logsumexp. CPU: `_scaled_dot_product_flash_attention_for_cpu`; runs
/// everything but dropout, whose mask it would draw by itself; memory above the result: a few score blocks a thread,
/// independent of rows and keys. GPU: the first kernel that can take the call (cuda_attention.h); the reference's
/// operations for a call with a bias or in fp64, and head_dims that none of them takes.
std::unique_ptr<BlockBackend> make_sdpa_backend();

/// What `choice` means for this function on this device: auto is sdpa, or reference where there is dropout. Throws
/// Unavailable where a named backend cannot run (fused needs CUDA; sdpa cannot drop by place).
std::unique_ptr<BlockBackend> make_backend(Backend choice, const AttentionFunction& function);

}  // namespace ringattn
