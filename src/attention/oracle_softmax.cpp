#include "attention/oracle_softmax.h"

#include <ATen/ATen.h>

#include <limits>
#include <utility>

namespace ringattn::oracle {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// A row that has seen no key: e^{-inf - 0} = 0, where e^{-inf - (-inf)} would be NaN.
at::Tensor finite_or_zero(const at::Tensor& maximum) { return maximum.masked_fill(maximum == minus_infinity, 0.0); }

/// c e^{s - shift}; takes the score's memory.
at::Tensor exponentials(const at::Tensor& score, const at::Tensor& shift, const KeyBlock& keys) {
  at::Tensor result = score.sub_(shift).exp_();
  if (keys.weight.max().item<double>() > 1) result.mul_(keys.weight);
  return result;
}

}  // namespace

at::Tensor weighted_sum(const at::Tensor& weight, const at::Tensor& counts, const at::Tensor& value) {
  const at::Tensor finite = at::isfinite(value);
  if (finite.all().item<bool>()) return at::matmul(weight, value);
  at::Tensor result = at::matmul(weight, value.masked_fill(finite.logical_not(), 0.0));
  const at::Tensor bad_rows = finite.logical_not().any(-1).any(0).any(0).nonzero().flatten();
  for (std::int64_t i = 0; i < bad_rows.numel(); ++i) {
    const std::int64_t row = bad_rows[i].item<std::int64_t>();
    const at::Tensor bad = value.select(2, row).masked_fill(finite.select(2, row), 0.0).unsqueeze(2);
    result = result + at::where(counts.select(-1, row).unsqueeze(-1), weight.select(3, row).unsqueeze(-1) * bad, 0.0);
  }
  return result;
}

SoftmaxState::SoftmaxState(at::Tensor query, double softmax_scale)
    : query_(std::move(query)), softmax_scale_(softmax_scale) {}

SoftmaxState::Scores SoftmaxState::scores(const KeyBlock& keys) const {
  at::Tensor score = at::matmul(query_, keys.key.transpose(-2, -1)).mul_(softmax_scale_);
  at::Tensor counts = keys.weight.gt(0);
  if (keys.bias.defined()) {
    score.add_(keys.bias);
    counts = counts.logical_and(keys.bias.ne(minus_infinity));
  }
  if (!counts.all().item<bool>()) score.masked_fill_(counts.logical_not(), minus_infinity);
  return {score, counts};
}

/// m' = max(m, max s); z and U are carried over with e^{m-m'}.
void SoftmaxState::add(const KeyBlock& keys) {
  auto [score, counts] = scores(keys);
  at::Tensor maximum = score.amax(-1, true);
  if (started()) maximum = at::maximum(maximum, maximum_);
  const at::Tensor shift = finite_or_zero(maximum);
  const at::Tensor probability = exponentials(score, shift, keys);
  const at::Tensor sum = probability.sum(-1, true);
  if (keys.factor.defined()) {
    probability.mul_(keys.factor);
    counts = counts.logical_and(keys.factor.gt(0));
  }
  const at::Tensor weighted = weighted_sum(probability, counts, keys.value);
  if (started()) {
    const at::Tensor carry = (maximum_ - shift).exp_();
    sum_.mul_(carry).add_(sum);
    weighted_.mul_(carry).add_(weighted);
  } else {
    sum_ = sum;
    weighted_ = weighted;
  }
  maximum_ = maximum;
}

SoftmaxState::Weights SoftmaxState::weights(const KeyBlock& keys) const {
  const auto [score, counts] = scores(keys);
  const at::Tensor probability = exponentials(score, finite_or_zero(maximum_), keys).div_(sum_);
  return {probability.masked_fill_(counts.logical_not(), 0.0), counts};
}

at::Tensor SoftmaxState::out() const { return at::where(sum_ == 0, 0.0, weighted_ / sum_); }

at::Tensor SoftmaxState::lse() const { return (maximum_ + sum_.log()).squeeze(-1); }

}  // namespace ringattn::oracle
