#include "attention/oracle_softmax.h"

#include <ATen/ATen.h>

#include <limits>
#include <utility>

namespace ringattn::oracle {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// probability · value, where a value that is not finite reaches only the rows that it counts for: 0 · NaN must not.
/// counts: bool, broadcastable to the probabilities.
at::Tensor weighted_values(const at::Tensor& probability, const at::Tensor& counts, const at::Tensor& value) {
  const at::Tensor finite = at::isfinite(value);
  if (finite.all().item<bool>()) return at::matmul(probability, value);
  at::Tensor result = at::matmul(probability, value.masked_fill(finite.logical_not(), 0.0));
  const at::Tensor bad_keys = finite.logical_not().any(-1).any(0).any(0).nonzero().flatten();
  for (std::int64_t i = 0; i < bad_keys.numel(); ++i) {
    const std::int64_t key = bad_keys[i].item<std::int64_t>();
    const at::Tensor bad = value.select(2, key).masked_fill(finite.select(2, key), 0.0).unsqueeze(2);
    result =
        result + at::where(counts.select(-1, key).unsqueeze(-1), probability.select(3, key).unsqueeze(-1) * bad, 0.0);
  }
  return result;
}

}  // namespace

SoftmaxState::SoftmaxState(at::Tensor query, double softmax_scale)
    : query_(std::move(query)), softmax_scale_(softmax_scale) {}

/// m' = max(m, max s); z and U are carried over with e^{m-m'}.
void SoftmaxState::add(const KeyBlock& keys) {
  at::Tensor score = at::matmul(query_, keys.key.transpose(-2, -1)).mul_(softmax_scale_);
  at::Tensor counts = keys.weight.gt(0);
  if (keys.bias.defined()) {
    score.add_(keys.bias);
    counts = counts.logical_and(keys.bias.ne(minus_infinity));
  }
  if (!counts.all().item<bool>()) score.masked_fill_(counts.logical_not(), minus_infinity);
  at::Tensor maximum = score.amax(-1, true);
  if (started()) maximum = at::maximum(maximum, maximum_);
  // A row that has seen no key yet: e^{-inf - 0} = 0, where e^{-inf - (-inf)} would be NaN.
  const at::Tensor shift = maximum.masked_fill(maximum == minus_infinity, 0.0);
  const at::Tensor probability = score.sub_(shift).exp_();
  if (keys.weight.max().item<double>() > 1) probability.mul_(keys.weight);
  const at::Tensor sum = probability.sum(-1, true);
  if (keys.factor.defined()) {
    probability.mul_(keys.factor);
    counts = counts.logical_and(keys.factor.gt(0));
  }
  const at::Tensor weighted = weighted_values(probability, counts, keys.value);
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

at::Tensor SoftmaxState::out() const { return at::where(sum_ == 0, 0.0, weighted_ / sum_); }

at::Tensor SoftmaxState::lse() const { return (maximum_ + sum_.log()).squeeze(-1); }

}  // namespace ringattn::oracle
