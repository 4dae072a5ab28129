#include "attention/oracle_softmax_gradient.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

namespace ringattn::oracle {
namespace {

/// What is not finite counts 0: a row or key with such numbers has no use for a sensitivity.
at::Tensor norm_of(const at::Tensor& rows) {
  return at::linalg_vector_norm(rows, 2, {{-1}}, true).nan_to_num_(0.0, 0.0, 0.0);
}
at::Tensor largest_of(const at::Tensor& rows) { return rows.abs().amax(-1, true).nan_to_num_(0.0, 0.0, 0.0); }

}  // namespace

SoftmaxGradient::SoftmaxGradient(const SoftmaxState& state, at::Tensor grad_out)
    : state_(state),
      grad_out_(std::move(grad_out)),
      out_(state.out()),
      mean_(grad_out_.mul(out_).sum(-1, true)),
      query_(at::zeros_like(state.query())) {}

KeyGradients SoftmaxGradient::add(const KeyBlock& keys, const KeyWish& wish) {
  const auto [probability, counts] = state_.weights(keys);
  Block block{probability, probability, at::matmul(grad_out_, keys.value.transpose(-2, -1)), counts};
  at::Tensor kept = counts;
  if (keys.factor.defined()) {
    kept = counts.logical_and(keys.factor.gt(0));
    block.factored = probability * keys.factor;
    block.weight_gradient = at::where(kept, block.weight_gradient.mul_(keys.factor), 0.0);
  }
  KeyGradients result;
  if (wish.sensitivity) result = add_sensitivity(keys, block, wish.gradients);
  const at::Tensor score_gradient = block.weight_gradient.sub_(mean_)
                                        .mul_(probability)
                                        .masked_fill_(counts.logical_not(), 0.0)
                                        .mul_(state_.softmax_scale());
  query_.add_(weighted_sum(score_gradient, counts, keys.key));
  if (wish.sensitivity) add_terms(keys, block, score_gradient, kept, wish.gradients ? &result : nullptr);
  if (!wish.gradients) return result;
  result.key = weighted_sum(score_gradient.transpose(-2, -1), counts.transpose(-2, -1), state_.query());
  result.value = weighted_sum(block.factored.transpose(-2, -1), kept.transpose(-2, -1), grad_out_);
  return result;
}

at::Tensor SoftmaxGradient::query_in_type() const {
  if (!key_mean_.defined()) return {};
  const double scale = std::abs(state_.softmax_scale()) / std::sqrt(static_cast<double>(key_mean_.size(-1)));
  return norm_of(key_mean_).mul_(out_error_).mul_(scale).square_().add_(terms_squared_).sqrt_();
}

void SoftmaxGradient::add_terms(const KeyBlock& keys, const Block& block, const at::Tensor& score_gradient,
                                const at::Tensor& kept, KeyGradients* of_keys) {
  const auto half_mean_square = [](const at::Tensor& rows, std::int64_t dim) {
    return norm_of(rows).square_().div_(2.0 * static_cast<double>(dim));
  };
  const std::int64_t dim = query_.size(-1), value_dim = out_.size(-1) - 1;
  const at::Tensor squares = score_gradient.square();
  const at::Tensor own = at::matmul(squares, half_mean_square(keys.key, dim));
  terms_squared_ = terms_squared_.defined() ? terms_squared_ + own : own;
  if (of_keys == nullptr) return;
  of_keys->key_in_type_squared.add_(at::matmul(squares.transpose(-2, -1), half_mean_square(state_.query(), dim)));
  const at::Tensor weights = block.factored.masked_fill(kept.logical_not(), 0.0).square_();
  of_keys->value_in_type_squared = at::matmul(weights.transpose(-2, -1), half_mean_square(grad_out_, value_dim));
}

KeyGradients SoftmaxGradient::add_sensitivity(const KeyBlock& keys, const Block& block, bool of_keys) {
  const double scale = std::abs(state_.softmax_scale());
  const at::Tensor query_norm = norm_of(state_.query()) * scale, key_norm = norm_of(keys.key);
  const at::Tensor grad_norm = norm_of(grad_out_), grad_largest = largest_of(grad_out_);
  const auto last = [](const at::Tensor& rows) {
    return rows.narrow(-1, rows.size(-1) - 1, 1).nan_to_num(0.0, 0.0, 0.0);
  };
  at::Tensor product = grad_norm * last(keys.value).transpose(-2, -1);
  if (keys.factor.defined()) product.mul_(keys.factor);
  at::Tensor weight = block.weight_gradient.abs().add_(mean_.abs());
  weight.mul_(query_norm).mul_(key_norm.transpose(-2, -1)).add_(product).add_(grad_norm * last(out_));
  weight.mul_(block.probability).masked_fill_(block.counts.logical_not(), 0.0);
  const at::Tensor own = at::matmul(weight, largest_of(keys.key)) * scale;
  query_sensitivity_ = query_sensitivity_.defined() ? query_sensitivity_ + own : own;
  if (!out_error_.defined()) {
    const std::int64_t value_dim = out_.size(-1) - 1;
    out_error_ = norm_of(grad_out_.narrow(-1, 0, value_dim) * out_.narrow(-1, 0, value_dim));
    key_mean_ = at::zeros_like(query_);
  }
  key_mean_.add_(weighted_sum(block.probability, block.counts, keys.key));
  if (!of_keys) return {};
  const at::Tensor factored = block.factored.transpose(-2, -1);
  KeyGradients result;
  result.key_sensitivity = at::matmul(weight.transpose(-2, -1), largest_of(state_.query())) * scale;
  result.value_sensitivity =
      at::matmul(factored, query_norm * grad_largest) * key_norm + at::matmul(factored, grad_largest);
  const at::Tensor error = block.probability.masked_fill(block.counts.logical_not(), 0.0).mul_(out_error_);
  result.key_in_type_squared =
      at::matmul(error.square_().transpose(-2, -1), query_norm.square()) / static_cast<double>(state_.query().size(-1));
  return result;
}

}  // namespace ringattn::oracle
