#include "attention/cuda_attention.h"

#include <ATen/ATen.h>

#include <tuple>

namespace ringattn {
namespace {

bool is_half(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

Partial run_cudnn(const BlockInputs& in, bool is_causal) {
  auto result = at::_scaled_dot_product_cudnn_attention(in.query, one_key_head(in.key), one_key_head(in.value),
                                                        /*attn_bias=*/std::nullopt, /*compute_log_sumexp=*/true,
                                                        /*dropout_p=*/0.0, is_causal, /*return_debug_mask=*/false,
                                                        in.softmax_scale);
  return {std::get<0>(result), std::get<1>(result).view({in.query.size(0), in.query.size(1), in.query.size(2)})};
}

Partial run_flash(const BlockInputs& in, bool is_causal) {
  auto result = at::_scaled_dot_product_flash_attention(in.query, one_key_head(in.key), one_key_head(in.value),
                                                        /*dropout_p=*/0.0, is_causal, /*return_debug_mask=*/false,
                                                        in.softmax_scale);
  return {std::get<0>(result), std::get<1>(result)};
}

Partial run_efficient(const BlockInputs& in, bool is_causal) {
  auto result = at::_scaled_dot_product_efficient_attention(in.query, in.key, in.value, /*attn_bias=*/std::nullopt,
                                                            /*compute_log_sumexp=*/true, /*dropout_p=*/0.0, is_causal,
                                                            in.softmax_scale);
  // Its logsumexp has rows up to a multiple of 32.
  return {std::get<0>(result), std::get<1>(result).narrow(2, 0, in.query.size(2))};
}

}  // namespace

at::Tensor one_key_head(const at::Tensor& rows) {
  return rows.size(1) > 1 && rows.stride(1) == 0 ? rows.narrow(1, 0, 1) : rows;
}

std::string_view to_string(CudaKernel kernel) {
  switch (kernel) {
    case CudaKernel::cudnn:
      return "cudnn";
    case CudaKernel::flash:
      return "flash";
    case CudaKernel::efficient:
      return "efficient";
  }
  return "unknown";
}

CudaCall cuda_call(const BlockInputs& inputs) {
  return {.dtype = inputs.query.scalar_type(),
          .head_dim = inputs.query.size(3),
          .is_plain = !inputs.bias.defined() && !inputs.dropout,
          .is_square = inputs.rule != MaskRule::causal || inputs.query.size(2) == inputs.key.size(2),
          .rows = inputs.query.size(2),
          .keys = inputs.key.size(2)};
}

bool can_take(CudaKernel kernel, const CudaCall& call) {
  if (!call.is_plain) return false;
  switch (kernel) {
    case CudaKernel::cudnn:
      return is_half(call.dtype) && call.head_dim % 8 == 0 && call.head_dim <= 128;
    case CudaKernel::flash:
      return is_half(call.dtype) && call.head_dim % 8 == 0 && call.head_dim <= 256 && call.is_square;
    case CudaKernel::efficient:
      return is_half(call.dtype) ? call.head_dim % 8 == 0 : call.dtype == at::kFloat && call.head_dim % 4 == 0;
  }
  return false;
}

std::optional<CudaKernel> choose_cuda_kernel(const CudaCall& call) {
  for (const CudaKernel kernel : {CudaKernel::cudnn, CudaKernel::flash, CudaKernel::efficient})
    if (can_take(kernel, call)) return kernel;
  return std::nullopt;
}

Partial run_cuda_kernel(CudaKernel kernel, const BlockInputs& inputs) {
  const bool is_causal = inputs.rule == MaskRule::causal;
  switch (kernel) {
    case CudaKernel::cudnn:
      return run_cudnn(inputs, is_causal);
    case CudaKernel::flash:
      return run_flash(inputs, is_causal);
    case CudaKernel::efficient:
      break;
  }
  return run_efficient(inputs, is_causal);
}

}  // namespace ringattn
