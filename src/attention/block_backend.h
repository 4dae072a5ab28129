#pragma once

#include "attention/interface.h"
#include "config/ring_attention_config.h"
#include "plan/causal.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace ringattn {

/// One tile: query (batch, heads, rows, dim), key and value (batch, heads, keys, dim), any strides with dim contiguous.
struct BlockInputs {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  MaskRule rule = MaskRule::full;
  double softmax_scale = 1.0;
};

/// Exact attention of one tile: what a ring step is made of. Result: out (batch, heads, rows, dim) in the inputs' type,
/// lse (batch, heads, rows) in fp32, or fp64 for fp64 inputs; a row that saw no key has out 0 and lse -inf, whatever a
/// library thinks of such rows.
class BlockBackend {
 public:
  virtual ~BlockBackend() = default;
  virtual std::string name() const = 0;
  Partial forward(const BlockInputs& inputs) const;

 private:
  virtual Partial do_forward(const BlockInputs& inputs) const = 0;
};

/// Plain tensor operations: fp32 arithmetic for low-precision inputs, scores of 256 rows at a time.
/// Memory above the result: batch · heads · 256 · keys scores, twice.
std::unique_ptr<BlockBackend> make_reference_backend();

/// LibTorch's flash attention, which returns the logsumexp. CPU: `_scaled_dot_product_flash_attention_for_cpu`.
/// Memory above the result: a few score blocks a thread, independent of rows and keys.
std::unique_ptr<BlockBackend> make_sdpa_backend();

/// What `choice` means on this device: auto is sdpa. Throws Unavailable where a named backend cannot run (fused needs
/// CUDA).
std::unique_ptr<BlockBackend> make_backend(Backend choice);

}  // namespace ringattn
