#pragma once

#include "attention/block_backend.h"

#include <optional>
#include <string_view>

namespace ringattn {

/// LibTorch's attention kernels on a GPU that return the logsumexp.
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
};
CudaCall cuda_call(const BlockInputs& inputs);

bool can_take(CudaKernel kernel, const CudaCall& call);
/// The first of the three, in their order, that can; none: the reference has to.
std::optional<CudaKernel> choose_cuda_kernel(const CudaCall& call);

Partial run_cuda_kernel(CudaKernel kernel, const BlockInputs& inputs);

}  // namespace ringattn
