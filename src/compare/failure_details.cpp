#include "compare/scan.h"
#include "compare/tensor_judge.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ringattn {
namespace {

constexpr int first_exponent = -12;
constexpr int histogram_bins = 15;  // … up to 10^2 and beyond

at::Tensor flat(const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kDouble).contiguous().flatten(); }

/// Index of element `position` of a contiguous (batch, n, heads, dim) tensor.
ElementIndex index_of(std::int64_t position, const at::Tensor& shape, bool has_dim) {
  ElementIndex index;
  index.dim = has_dim ? position % shape.size(3) : -1;
  position /= shape.size(3);
  index.head = position % shape.size(2);
  position /= shape.size(2);
  index.row = position % shape.size(1);
  index.batch = position / shape.size(1);
  return index;
}

/// The value below which the given share of `values` lies; reorders them.
double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0.0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

TensorStats stats_of(const at::Tensor& tensor, bool has_dim) {
  const at::Tensor values = flat(tensor);
  TensorStats stats;
  stats.elements = values.numel();
  stats.nan_count = values.isnan().sum().item<std::int64_t>();
  stats.inf_count = values.isinf().sum().item<std::int64_t>();
  const at::Tensor places = values.isfinite().nonzero().flatten();
  if (places.numel() == 0) return stats;
  const at::Tensor finite = values.index_select(0, places);
  const auto place = [&](const at::Tensor& nth) {
    return index_of(places[nth.item<std::int64_t>()].item<std::int64_t>(), tensor, has_dim);
  };
  stats.mean = finite.mean().item<double>();
  stats.stddev = finite.std(/*unbiased=*/false).item<double>();
  stats.min = finite.min().item<double>();
  stats.max = finite.max().item<double>();
  stats.min_index = place(finite.argmin());
  stats.max_index = place(finite.argmax());
  const at::Tensor absolute = finite.abs();
  std::vector<double> sorted(absolute.const_data_ptr<double>(), absolute.const_data_ptr<double>() + absolute.numel());
  stats.abs_p50 = quantile(sorted, 0.50);
  stats.abs_p90 = quantile(sorted, 0.90);
  stats.abs_p99 = quantile(sorted, 0.99);
  return stats;
}

ErrorHistogram histogram_of(const at::Tensor& got, const at::Tensor& want) {
  ErrorHistogram histogram;
  histogram.first_exponent = first_exponent;
  histogram.counts.assign(histogram_bins, 0);
  const at::Tensor a = flat(got);
  const at::Tensor b = flat(want);
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double error = element_error(a.const_data_ptr<double>()[i], b.const_data_ptr<double>()[i]);
    const double exponent = error > 0.0 ? std::floor(std::log10(error)) : first_exponent;
    const double bin = std::clamp(exponent - first_exponent, 0.0, histogram_bins - 1.0);
    ++histogram.counts[static_cast<std::size_t>(bin)];
  }
  return histogram;
}

}  // namespace

FailureDetails failure_details(const at::Tensor& got, const at::Tensor& want, bool has_dim) {
  return {stats_of(got, has_dim), stats_of(want, has_dim), histogram_of(got, want)};
}

}  // namespace ringattn
