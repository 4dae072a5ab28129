#include "legacy/plain.h"

#include "legacy/autograd.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace ringattn::legacy {
namespace {

/// weights · value, where a hidden key adds nothing even if its value is no number: 0 · NaN is NaN in a product of
/// matrices, so such columns are added one by one. (batch, heads, a, b) · (batch, heads, b, dim).
at::Tensor weighted_sum(const at::Tensor& weights, const at::Tensor& value, const at::Tensor& visible) {
  // A finite sum says that all values are numbers; the other way round is checked below.
  if (!visible.defined() || std::isfinite(value.sum().item<double>())) return at::matmul(weights, value);
  const at::Tensor is_number = value.isfinite();
  at::Tensor sum = at::matmul(weights, value.masked_fill(is_number.logical_not(), 0.0));
  const at::Tensor spoiled = is_number.all(-1).logical_not().sum(at::IntArrayRef{0, 1}).nonzero();
  for (std::int64_t i = 0; i < spoiled.size(0); ++i) {
    const std::int64_t key = spoiled[i].item<std::int64_t>();
    const at::Tensor rest = value.narrow(2, key, 1).masked_fill(is_number.narrow(2, key, 1), 0.0);
    const at::Tensor added = weights.narrow(3, key, 1) * rest;
    sum.add_(added.masked_fill(visible.narrow(-1, key, 1).logical_not(), 0.0));
  }
  return sum;
}

}  // namespace

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const AttendOptions& options) {
  const double scale = options.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  at::Tensor scores = at::matmul(query.transpose(1, 2), key.permute({0, 2, 3, 1})) * scale;  // (batch, heads, a, b)
  if (options.bias.defined()) scores.add_(options.bias);
  const at::Tensor& visible = options.visible;
  if (visible.defined()) scores.masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity());
  at::Tensor weights = at::softmax(scores, -1);
  if (visible.defined()) weights = filled(weights, visible.any(-1, true).logical_not(), 0.0);
  if (options.kept.defined()) {
    weights = filled(weights, options.kept.logical_not(), 0.0);
    if (options.dropout < 1.0) weights.div_(1.0 - options.dropout);
  }
  return weighted_sum(weights, value.transpose(1, 2), visible).transpose(1, 2);
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& visible) {
  return attend(query, key, value, AttendOptions{.visible = visible});
}

at::Tensor triangle(std::int64_t rows, std::int64_t columns, std::int64_t shift, at::Device device) {
  return at::ones({rows, columns}, at::TensorOptions(at::kBool).device(device)).tril(shift);
}

namespace {

std::vector<HeadGroup> consecutive(const std::vector<std::int64_t>& counts) {
  std::vector<HeadGroup> groups;
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    groups.push_back({first, count});
    first += count;
  }
  return groups;
}

}  // namespace

std::vector<HeadGroup> groups_first_larger(std::int64_t heads, std::size_t pairs) {
  const auto groups = static_cast<std::int64_t>(pairs);
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < groups; ++i) counts.push_back(heads / groups + (i < heads % groups ? 1 : 0));
  return consecutive(counts);
}

std::vector<HeadGroup> groups_last_larger(std::int64_t heads, std::size_t pairs) {
  const auto groups = static_cast<std::int64_t>(pairs);
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < groups; ++i) counts.push_back(heads / groups + (i >= groups - heads % groups ? 1 : 0));
  return consecutive(counts);
}

}  // namespace ringattn::legacy
