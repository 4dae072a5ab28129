#include "attention/block_backend.h"

#include "attention/cuda_attention.h"
#include "attention/device_stream.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>

#include <limits>

namespace ringattn {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// weights (batch, heads, rows, keys), contiguous, of the rows first, first + 1, … of the tile.
template <typename T>
void drop_weights(const at::Tensor& weights, std::int64_t first, const BlockDropout& dropout) {
  const std::int64_t heads = weights.size(1), rows = weights.size(2), keys = weights.size(3);
  auto* data = weights.data_ptr<T>();
  at::parallel_for(0, weights.size(0) * heads * rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i % rows, head = i / rows % heads, batch = i / rows / heads;
      kernels::drop_weights_cpu(data + i * keys, dropout.key_positions.data(), keys,
                                dropout.query_positions[static_cast<std::size_t>(first + row)],
                                dropout.head_begin + head, dropout.batch_begin + batch, dropout.rule);
    }
  });
}

at::Tensor on_device(std::span<const std::int64_t> numbers, const at::Device& device) {
  return at::tensor(at::IntArrayRef(numbers.data(), numbers.size()), at::kLong).to(device);
}

/// The same on a GPU.
template <typename T>
void drop_weights_there(const at::Tensor& weights, std::int64_t first, const BlockDropout& dropout) {
  const auto rows = static_cast<std::size_t>(weights.size(2));
  const at::Tensor queries =
      on_device(dropout.query_positions.subspan(static_cast<std::size_t>(first), rows), weights.device());
  const at::Tensor keys = on_device(dropout.key_positions, weights.device());
  kernels::drop_weights_cuda(weights.data_ptr<T>(),
                             {.batches = weights.size(0),
                              .heads = weights.size(1),
                              .rows = weights.size(2),
                              .keys = weights.size(3),
                              .batch_begin = dropout.batch_begin,
                              .head_begin = dropout.head_begin},
                             queries.const_data_ptr<std::int64_t>(), keys.const_data_ptr<std::int64_t>(), dropout.rule,
                             current_stream(weights.device()));
}

template <typename T>
void drop_weights_of(const at::Tensor& weights, std::int64_t first, const BlockDropout& dropout) {
  if (weights.is_cpu()) return drop_weights<T>(weights, first, dropout);
  drop_weights_there<T>(weights, first, dropout);
}

class ReferenceBackend final : public BlockBackend {
 public:
  std::string name() const override { return "reference"; }

 private:
  static constexpr std::int64_t kRows = 256;

  Partial do_forward(const BlockInputs& in) const override {
    const at::ScalarType wide = wide_type(in);
    at::Tensor out = at::empty(in.query.sizes(), in.query.options());
    at::Tensor lse = at::empty({in.query.size(0), in.query.size(1), in.query.size(2)}, in.query.options().dtype(wide));
    const at::Tensor key = widened(in.key, wide).transpose(-2, -1);
    const at::Tensor value = widened(in.value, wide);
    for (std::int64_t first = 0; first < in.query.size(2); first += kRows) {
      const std::int64_t rows = std::min(kRows, in.query.size(2) - first);
      const at::Tensor scores = scores_of(in, widened(in.query.narrow(2, first, rows), wide), key, first);
      lse.narrow(2, first, rows).copy_(at::logsumexp(scores, -1));
      const at::Tensor weights = at::softmax(scores, -1);
      if (in.dropout) drop(weights, first, *in.dropout);
      out.narrow(2, first, rows).copy_(at::matmul(weights, value));
    }
    return {out, lse};
  }

  /// A copy in any case, so that what a call allocates does not depend on its inputs' strides.
  static at::Tensor widened(const at::Tensor& tensor, at::ScalarType wide) {
    return at::empty(tensor.sizes(), tensor.options().dtype(wide)).copy_(tensor);
  }

  BlockGradients do_backward(const BlockInputs& in, const BlockGradientInputs& result) const override {
    const at::ScalarType wide = wide_type(in);
    const at::Tensor key = widened(in.key, wide), value = widened(in.value, wide);
    const at::TensorOptions sums = key.options();
    at::Tensor dq = at::empty(in.query.sizes(), in.query.options());
    at::Tensor dk = at::zeros(in.key.sizes(), sums), dv = at::zeros(in.value.sizes(), sums);
    for (std::int64_t first = 0; first < in.query.size(2); first += kRows) {
      const std::int64_t rows = std::min(kRows, in.query.size(2) - first);
      const auto stretch = [&](const at::Tensor& tensor) { return widened(tensor.narrow(2, first, rows), wide); };
      const at::Tensor query = stretch(in.query), grad_out = stretch(result.grad_out);
      const at::Tensor weights = scores_of(in, query, key.transpose(-2, -1), first)
                                     .sub_(result.lse.narrow(2, first, rows).unsqueeze(-1))
                                     .exp_();
      at::Tensor grad_scores = at::matmul(grad_out, value.transpose(-2, -1));
      at::Tensor dropped = weights;
      if (in.dropout) {
        dropped = weights.clone();
        drop(dropped, first, *in.dropout);
        drop(grad_scores, first, *in.dropout);
      }
      dv.add_(at::matmul(dropped.transpose(-2, -1), grad_out));
      grad_scores.sub_((grad_out * stretch(result.out)).sum(-1, true)).mul_(weights).mul_(in.softmax_scale);
      dq.narrow(2, first, rows).copy_(at::matmul(grad_scores, key));
      dk.add_(at::matmul(grad_scores.transpose(-2, -1), query));
    }
    return {dq, dk.to(in.query.scalar_type()), dv.to(in.query.scalar_type())};
  }

  static at::ScalarType wide_type(const BlockInputs& in) {
    return in.query.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  }

  /// scale · query · key + bias of the rows from `first` on, hidden keys at -inf; (batch, heads, rows, keys).
  static at::Tensor scores_of(const BlockInputs& in, const at::Tensor& query, const at::Tensor& transposed_key,
                              std::int64_t first) {
    at::Tensor scores = at::matmul(query, transposed_key).mul_(in.softmax_scale);
    if (in.bias.defined()) scores.add_(in.bias.size(2) == 1 ? in.bias : in.bias.narrow(2, first, query.size(2)));
    if (in.rule == MaskRule::causal) hide_later(scores, first);
    return scores;
  }

  static void hide_later(at::Tensor& scores, std::int64_t first) {
    const at::TensorOptions whole = scores.options().dtype(at::kLong);
    const at::Tensor later =
        at::arange(scores.size(3), whole).unsqueeze(0) > at::arange(first, first + scores.size(2), whole).unsqueeze(1);
    scores.masked_fill_(later, kHidden);
  }

  static void drop(const at::Tensor& weights, std::int64_t first, const BlockDropout& dropout) {
    if (weights.scalar_type() == at::kDouble)
      drop_weights_of<double>(weights, first, dropout);
    else
      drop_weights_of<float>(weights, first, dropout);
  }
};

class SdpaBackend final : public BlockBackend {
 public:
  std::string name() const override { return "sdpa"; }

 private:
  Partial do_forward(const BlockInputs& in) const override {
    if (in.dropout) throw Unavailable("backend: \"sdpa\" cannot drop weights by their place; use \"reference\"");
    if (!in.query.is_cpu()) {
      const std::optional<CudaKernel> kernel = choose_cuda_kernel(cuda_call(in));
      return kernel ? run_cuda_kernel(*kernel, in)
                    : reference_.forward({.query = in.query,
                                          .key = in.key,
                                          .value = in.value,
                                          .rule = in.rule,
                                          .softmax_scale = in.softmax_scale,
                                          .bias = in.bias});
    }
    std::optional<at::Tensor> bias;
    if (in.bias.defined()) bias = in.bias;
    auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(
        in.query, in.key, in.value, /*dropout_p=*/0.0, in.rule == MaskRule::causal, bias, in.softmax_scale);
    return {out, lse};
  }

  BlockGradients do_backward(const BlockInputs& in, const BlockGradientInputs& result) const override {
    if (in.dropout) throw Unavailable("backend: \"sdpa\" cannot drop weights by their place; use \"reference\"");
    if (!in.query.is_cpu()) {
      const std::optional<CudaKernel> kernel = choose_cuda_backward(cuda_call(in));
      return kernel ? run_cuda_backward(*kernel, in, result) : reference_.backward(in, result);
    }
    std::optional<at::Tensor> bias;
    if (in.bias.defined()) bias = in.bias;
    auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        result.grad_out, in.query, in.key, in.value, result.out, result.lse, /*dropout_p=*/0.0,
        in.rule == MaskRule::causal, bias, in.softmax_scale);
    return {dq, dk, dv};
  }

  std::string do_kernel_on(const at::Device& device, at::ScalarType dtype, std::int64_t head_dim) const override {
    if (device.is_cpu()) return "";
    const std::optional<CudaKernel> kernel = choose_cuda_kernel({.dtype = dtype, .head_dim = head_dim});
    return kernel ? std::string(to_string(*kernel)) : reference_.name();
  }

  ReferenceBackend reference_;
};

}  // namespace

std::string BlockBackend::do_kernel_on(const at::Device&, at::ScalarType, std::int64_t) const { return ""; }

Partial BlockBackend::forward(const BlockInputs& inputs) const {
  Partial partial = do_forward(inputs);
  if (inputs.empty_rows.defined()) {
    partial.out.masked_fill_(inputs.empty_rows.unsqueeze(-1), 0.0);
    partial.lse.masked_fill_(inputs.empty_rows, kHidden);
  }
  return partial;
}

std::unique_ptr<BlockBackend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

std::unique_ptr<BlockBackend> make_sdpa_backend() { return std::make_unique<SdpaBackend>(); }

std::unique_ptr<BlockBackend> make_backend(Backend choice, const AttentionFunction& function) {
  const bool drops = function.dropout > 0.0;
  switch (choice) {
    case Backend::automatic:
      return drops ? make_reference_backend() : make_sdpa_backend();
    case Backend::reference:
      return make_reference_backend();
    case Backend::sdpa:
      if (drops)
        throw Unavailable(
            "backend: \"sdpa\" cannot drop weights by their place; with dropout use \"auto\" or \"reference\"");
      return make_sdpa_backend();
    case Backend::fused:
      throw Unavailable(
          "backend: \"fused\" runs on CUDA devices only; on this one use \"auto\", \"sdpa\" or \"reference\"");
  }
  throw Unavailable("backend: unknown value");
}

}  // namespace ringattn
