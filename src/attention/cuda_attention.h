#pragma once

#include "attention/block_backend.h"

#include <optional>
#include <string_view>

namespace ringattn {

/// LibTorch's attention kernels on a GPU that return the logsumexp, and their backward.
///   cudnn: bf16 and fp16, head_dim a multiple of 8 up to 128.
///   flash: bf16 and fp16, head_dim a multiple of 8 up to 256; a triangle only where rows and keys are equally many.
///   efficient: bf16, fp16 and fp32; head_dim a multiple of 8 (fp32: of 4).
/// None of them is given a bias, weights to drop, or fp64.
enum class CudaKernel { cudnn, flash, efficient };
std::string_view to_string(CudaKernel kernel);

/// What of a call decides which kernel can take it.
struct CudaCall {
  at::ScalarType dtype = at::kFloat;
  std::int64_t head_dim = 64;
  bool is_plain = true;   ///< neither bias nor dropout
  bool is_square = true;  ///< as many rows as keys, or no triangle
  std::int64_t rows = 64;
  std::int64_t keys = 64;
};
CudaCall cuda_call(const BlockInputs& inputs);

bool can_take(CudaKernel kernel, const CudaCall& call);
/// The first of the three, in their order, that can; none: the reference has to.
std::optional<CudaKernel> choose_cuda_kernel(const CudaCall& call);

Partial run_cuda_kernel(CudaKernel kernel, const BlockInputs& inputs);

/// The same for the backward call. Key heads that all query heads share come back as one, summed, from cudnn and flash.
/// Bits repeat from run to run only where LibTorch is told to use deterministic algorithms: then cudnn is left out.
std::optional<CudaKernel> choose_cuda_backward(const CudaCall& call);
/// Memory above the gradients: the logsumexp head by head, out and its derivative where their rows don't lie one after
/// another, and the library's own.
BlockGradients run_cuda_backward(CudaKernel kernel, const BlockInputs& inputs, const BlockGradientInputs& result);

/// One key head that all query heads read is a view with head stride 0: the one head that it is. Else the tensor.
at::Tensor one_key_head(const at::Tensor& rows);

}  // namespace ringattn
