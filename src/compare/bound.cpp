#include "compare/bound.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn {
namespace {

double largest_norm(const at::Tensor& rows) {
  if (rows.numel() == 0) return 0.0;
  return at::linalg_vector_norm(rows, 2, {{-1}}, false, at::kDouble).max().item<double>();
}

double finite_or_infinity(double bound) {
  return std::isfinite(bound) ? bound : std::numeric_limits<double>::infinity();
}

}  // namespace

InputMagnitude input_magnitude(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  InputMagnitude magnitude;
  magnitude.keys = key.size(1);
  magnitude.head_dim = query.size(3);
  magnitude.score = largest_norm(query) * largest_norm(key) / std::sqrt(static_cast<double>(magnitude.head_dim));
  magnitude.value = value.numel() == 0 ? 0.0 : value.abs().max().to(at::kDouble).item<double>();
  return magnitude;
}

at::Tensor sensitivity_columns(const at::Tensor& key, const at::Tensor& value) {
  const at::Tensor norm = at::linalg_vector_norm(key, 2, {{-1}}, true, at::kDouble);
  const at::Tensor largest = value.abs().amax(-1, true).to(at::kDouble);
  return at::cat({norm, norm * largest}, -1).nan_to_num_(0.0, 0.0, 0.0);
}

RowSensitivity row_sensitivity(const at::Tensor& query, double softmax_scale, const at::Tensor& out,
                               const at::Tensor& columns, double divisor) {
  const at::Tensor scaled_query =
      at::linalg_vector_norm(query, 2, {{-1}}, false, at::kDouble) * std::abs(softmax_scale);
  const at::Tensor norm = columns.select(-1, 0);
  const at::Tensor spread = columns.select(-1, 1) + out.abs().amax(-1) * norm * divisor;
  return {scaled_query * spread, (scaled_query * norm * divisor).transpose(1, 2)};
}

ErrorBound rounding_bound(const InputMagnitude& inputs, double unit_roundoff) {
  const double u = unit_roundoff;
  const auto keys = static_cast<double>(inputs.keys);
  const auto sum_error = [u](double terms) { return 8.0 * std::sqrt(terms) * u; };
  const double score_error =
      sum_error(static_cast<double>(inputs.head_dim) + 2.0) * inputs.score + 2.0 * u * inputs.score + 4.0 * u;
  ErrorBound bound;
  bound.lse = finite_or_infinity(score_error + sum_error(keys) + u * (inputs.score + std::log(keys)));
  bound.out = finite_or_infinity((2.0 * score_error + 2.0 * sum_error(keys) + 4.0 * u) * inputs.value);
  return bound;
}

}  // namespace ringattn
