#include "attention/cuda_attention.h"
#include "attention/row_sums.h"

#include <ATen/ATen.h>

#include <array>
#include <limits>
#include <tuple>

namespace ringattn {
namespace {

/// The efficient kernel reads the logsumexp in blocks of so many rows.
constexpr std::int64_t kLseRows = 32;

/// (batch, heads, rows, dim) with rows, heads and dim one after another in memory, in that order: as it is, or a copy.
/// cuDNN's plans are kept by the strides of query, key and value alone, so out and its derivative always have these.
at::Tensor row_by_row(const at::Tensor& tensor) {
  const std::int64_t heads = tensor.size(1), rows = tensor.size(2), dim = tensor.size(3);
  const std::array<std::int64_t, 4> strides{rows * heads * dim, dim, heads * dim, 1};
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (tensor.size(at) > 1 && tensor.stride(at) != strides[i]) return packed_call(tensor, 1.0);
  }
  return tensor.as_strided(tensor.sizes(), strides);
}

/// (batch, heads, rows) one after another, rows filled up with +inf, whose weights are 0, to a multiple of `multiple`.
at::Tensor head_by_head(const at::Tensor& lse, std::int64_t multiple) {
  const std::int64_t rows = lse.size(2), whole = (rows + multiple - 1) / multiple * multiple;
  at::Tensor packed = at::empty({lse.size(0), lse.size(1), whole}, lse.options());
  packed.narrow(2, 0, rows).copy_(lse);
  if (whole > rows) packed.narrow(2, rows, whole - rows).fill_(std::numeric_limits<double>::infinity());
  return packed;
}

/// What a kernel without dropout is given for the state of its random numbers.
at::Tensor no_numbers(const BlockInputs& in) { return at::empty({1}, in.query.options().dtype(at::kLong)); }

BlockGradients run_cudnn(const BlockInputs& in, const BlockGradientInputs& result, bool is_causal) {
  const at::Tensor none = no_numbers(in);
  auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
      row_by_row(result.grad_out), in.query, one_key_head(in.key), one_key_head(in.value), row_by_row(result.out),
      head_by_head(result.lse, 1).unsqueeze(3), none, none, /*attn_bias=*/at::Tensor(),
      /*cum_seq_q=*/at::Tensor(), /*cum_seq_k=*/at::Tensor(), in.query.size(2), in.key.size(2), /*dropout_p=*/0.0,
      is_causal, in.softmax_scale);
  return {dq, dk, dv};
}

BlockGradients run_flash(const BlockInputs& in, const BlockGradientInputs& result, bool is_causal) {
  const at::Tensor none = no_numbers(in);
  auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
      row_by_row(result.grad_out), in.query, one_key_head(in.key), one_key_head(in.value), row_by_row(result.out),
      head_by_head(result.lse, 1), /*cum_seq_q=*/at::Tensor(), /*cum_seq_k=*/at::Tensor(), in.query.size(2),
      in.key.size(2), /*dropout_p=*/0.0, is_causal, none, none, in.softmax_scale);
  return {dq, dk, dv};
}

BlockGradients run_efficient(const BlockInputs& in, const BlockGradientInputs& result, bool is_causal) {
  const at::Tensor none = no_numbers(in);
  auto [dq, dk, dv, dbias] = at::_scaled_dot_product_efficient_attention_backward(
      row_by_row(result.grad_out), in.query, in.key, in.value, /*attn_bias=*/at::Tensor(), row_by_row(result.out),
      head_by_head(result.lse, kLseRows), none, none, /*dropout_p=*/0.0,
      /*grad_input_mask=*/{true, true, true, false}, is_causal, in.softmax_scale);
  return {dq, dk, dv};
}

/// cuDNN adds the parts of dq in whatever order they come.
bool must_repeat_bits() {
  const auto& context = at::globalContext();
  return context.deterministicAlgorithms() && !context.deterministicAlgorithmsWarnOnly();
}

}  // namespace

std::optional<CudaKernel> choose_cuda_backward(const CudaCall& call) {
  const bool is_single = call.rows == 1 || call.keys == 1;  // not in cuDNN's backward
  for (const CudaKernel kernel : {CudaKernel::cudnn, CudaKernel::flash, CudaKernel::efficient}) {
    if (kernel == CudaKernel::cudnn && (is_single || must_repeat_bits())) continue;
    if (can_take(kernel, call)) return kernel;
  }
  return std::nullopt;
}

BlockGradients run_cuda_backward(CudaKernel kernel, const BlockInputs& inputs, const BlockGradientInputs& result) {
  const bool is_causal = inputs.rule == MaskRule::causal;
  switch (kernel) {
    case CudaKernel::cudnn:
      return run_cudnn(inputs, result, is_causal);
    case CudaKernel::flash:
      return run_flash(inputs, result, is_causal);
    case CudaKernel::efficient:
      break;
  }
  return run_efficient(inputs, result, is_causal);
}

}  // namespace ringattn
