#include "compare/reference_formula.h"
#include "compare/reference_softmax.h"

#include <ATen/ATen.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <c10/core/GradMode.h>

#include <functional>

namespace ringattn {
namespace {

/// One softmax and the derivative of the loss after its result, (batch, 1, rows, dim): its gradients, shaped as its
/// query, key and value.
using BackwardKernel = std::function<Gradients(const HeadSoftmax&, const at::Tensor& grad_out)>;

/// A wholly hidden row has all its weights e^{-inf - lse}: 0 with any finite lse.
Gradients flash_backward(const HeadSoftmax& in, const at::Tensor& grad_out) {
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(in.query, in.key, in.value, 0.0, false, in.bias,
                                                                    in.softmax_scale);
  const at::Tensor empty = in.empty_rows();
  auto [query, key, value] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      grad_out.masked_fill(empty.unsqueeze(-1), 0.0), in.query, in.key, in.value,
      out.masked_fill(empty.unsqueeze(-1), 0.0), lse.masked_fill(empty, 0.0), 0.0, false, in.bias, in.softmax_scale);
  return {query, key, value};
}

/// Every operation in the dtype of the query, differentiated by LibTorch. A hidden row gets scores 0 and weights 0: the
/// derivative of a softmax of -inf alone is NaN.
Gradients formula_backward(const HeadSoftmax& in, const at::Tensor& grad_out) {
  const c10::AutoGradMode differentiate(true);
  const auto leaf = [](const at::Tensor& tensor) { return tensor.detach().clone().set_requires_grad(true); };
  const at::Tensor query = leaf(in.query), key = leaf(in.key), value = leaf(in.value);
  const at::ScalarType dtype = query.scalar_type();
  const at::Tensor empty = in.empty_rows().unsqueeze(-1);
  const at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * in.softmax_scale + in.bias.to(dtype);
  at::Tensor weights = at::softmax(scores.masked_fill(empty, 0.0), -1).masked_fill(empty, 0.0);
  if (in.factor.defined()) weights = weights * in.factor.to(dtype);
  at::matmul(weights, value).backward(grad_out);
  return {query.grad(), key.grad(), value.grad()};
}

/// Adds the head's gradients to the sums, (batch, rows, heads, dim) in fp32.
void add_head(const Gradients& part, const AttentionFunction& function, std::int64_t head, const Gradients& sums) {
  const auto add = [](const at::Tensor& sum, std::int64_t at, const at::Tensor& own) {
    sum.narrow(2, at, 1).add_(own.transpose(1, 2));
  };
  add(sums.query, head, part.query);
  add(sums.key, key_head_of(function, head), part.key);
  add(sums.value, key_head_of(function, head), part.value);
}

Gradients differentiate(const FormulaInputs& in, const at::Tensor& grad_out, at::ScalarType arithmetic,
                        const BackwardKernel& kernel) {
  const auto zeros = [](const at::Tensor& like) { return at::zeros(like.sizes(), like.options().dtype(at::kFloat)); };
  const Gradients sums{zeros(in.query), zeros(in.key), zeros(in.value)};
  for (std::int64_t head = 0; head < in.function.heads; ++head) {
    const at::Tensor own = rows_of_head(grad_out, head, arithmetic);
    for (const HeadSoftmax& softmax : softmaxes_of_head(in, head, arithmetic))
      add_head(kernel(softmax, own * softmax.out_scale), in.function, head, sums);
  }
  const at::ScalarType dtype = in.query.scalar_type();
  return {sums.query.to(dtype), sums.key.to(dtype), sums.value.to(dtype)};
}

}  // namespace

Gradients library_gradient(const FormulaInputs& in, const at::Tensor& grad_out) {
  const bool averaged = in.function.axes.join == JoinRule::mean && in.function.pairs.size() > 1;
  if (in.function.dropout > 0.0 || averaged) return differentiate(in, grad_out, at::kFloat, formula_backward);
  return differentiate(in, grad_out, in.query.scalar_type(), flash_backward);
}

Gradients plain_gradient(const FormulaInputs& in, const at::Tensor& grad_out) {
  return differentiate(in, grad_out, in.query.scalar_type(), formula_backward);
}

}  // namespace ringattn
