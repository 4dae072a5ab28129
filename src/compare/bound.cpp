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

at::Tensor value_column(const at::Tensor& value) {
  const at::Tensor norm = at::linalg_vector_norm(value, 2, {{-1}}, true, at::kDouble);
  return (norm / std::sqrt(static_cast<double>(value.size(3)))).nan_to_num_(0.0, 0.0, 0.0);
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

ErrorBound projected_bound(const ErrorBound& attention, const InputMagnitude& inputs,
                           const ProjectionMagnitude& projection, double unit_roundoff) {
  const ProjectionMagnitude& p = projection;
  const auto terms = static_cast<double>(p.terms);
  const double sum_error = 8.0 * std::sqrt(terms) * unit_roundoff;
  const double score_error = p.scale * sum_error * p.row * (p.query_weight * p.key + p.query * p.key_weight);
  const double core_error = attention.out + 2.0 * score_error * inputs.value + sum_error * p.row * p.value_weight;
  const double out_norm = std::sqrt(terms * inputs.value * inputs.value + 1.0);
  return {finite_or_infinity(p.out_weight_sum * core_error + sum_error * p.out_weight * out_norm),
          finite_or_infinity(attention.lse + score_error)};
}

RowSensitivity projected_sensitivity(const ProjectedRowFacts& facts) {
  RowSensitivity row = row_sensitivity(facts.query, facts.softmax_scale, facts.out, facts.columns, facts.divisor);
  const std::int64_t heads = facts.out.size(2), dim = facts.out.size(3);
  const double scale = std::abs(facts.softmax_scale) / std::sqrt(static_cast<double>(dim));
  const at::Tensor query = at::linalg_vector_norm(facts.query, 2, {{-1}}, false, at::kDouble) * scale;
  const at::Tensor own = facts.query_errors * scale;
  const at::Tensor largest_out = facts.out.abs().amax(-1) * facts.divisor;
  const auto column = [&](std::int64_t i) { return facts.columns.select(-1, i); };
  row.lse = row.lse + ((own * column(0) + query * column(2)) * facts.divisor).transpose(1, 2);
  const at::Tensor core =
      row.out + own * (column(1) + largest_out * column(0)) + query * (column(3) + largest_out * column(2)) + column(4);
  // (heads of y, heads of out): the most that one channel of the first takes of the second.
  const at::Tensor shares = facts.out_weight.square().reshape({heads, dim, heads, dim}).sum(3).amax(1);
  row.out = at::matmul(core.square(), shares.transpose(0, 1)).sqrt() + facts.out_errors;
  return row;
}

}  // namespace ringattn
