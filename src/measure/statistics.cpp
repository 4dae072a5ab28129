#include "measure/statistics.h"

#include "config/error.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace ringattn {
namespace {

std::vector<double> sorted(std::span<const double> values) {
  if (values.empty()) throw UsageError("statistics: no values, at least one is needed");
  std::vector<double> result(values.begin(), values.end());
  std::sort(result.begin(), result.end());
  return result;
}

double middle(const std::vector<double>& sorted_values) {
  const std::size_t half = sorted_values.size() / 2;
  if (sorted_values.size() % 2 == 1) return sorted_values[half];
  return (sorted_values[half - 1] + sorted_values[half]) / 2;
}

/// P(B = successes) for B ~ Binomial(n, ½), by logarithms, as 2^-n vanishes for large n.
double binomial_half(int n, int successes) {
  const double log_choose = std::lgamma(n + 1.0) - std::lgamma(successes + 1.0) - std::lgamma(n - successes + 1.0);
  return std::exp(log_choose - n * std::log(2.0));
}

}  // namespace

double median(std::span<const double> values) { return middle(sorted(values)); }

std::optional<MedianRanks> median_ranks(int n, double confidence) {
  std::optional<MedianRanks> best;
  double below = 0;  // P(B < low)
  for (int low = 1; 2 * low <= n; ++low) {
    below += binomial_half(n, low - 1);
    const double coverage = 1 - 2 * below;
    if (coverage < confidence) break;
    best = {low, n + 1 - low, coverage};
  }
  return best;
}

MedianEstimate estimate_median(std::span<const double> values, double confidence) {
  const std::vector<double> order = sorted(values);
  MedianEstimate estimate{.median = middle(order), .low = {}, .high = {}};
  if (const auto ranks = median_ranks(static_cast<int>(order.size()), confidence)) {
    estimate.low = order[static_cast<std::size_t>(ranks->low - 1)];
    estimate.high = order[static_cast<std::size_t>(ranks->high - 1)];
  }
  return estimate;
}

std::vector<double> pair_ratios(std::span<const std::int64_t> candidate_ns, std::span<const std::int64_t> legacy_ns) {
  if (candidate_ns.size() != legacy_ns.size()) {
    throw UsageError("pairs: " + std::to_string(candidate_ns.size()) + " candidate times, " +
                     std::to_string(legacy_ns.size()) + " legacy times, must be equally many");
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < candidate_ns.size(); ++i) {
    if (candidate_ns[i] <= 0 || legacy_ns[i] <= 0) {
      throw UsageError("pair " + std::to_string(i) + ": times " + std::to_string(candidate_ns[i]) + " and " +
                       std::to_string(legacy_ns[i]) + " ns, must be positive");
    }
    ratios.push_back(static_cast<double>(candidate_ns[i]) / static_cast<double>(legacy_ns[i]));
  }
  return ratios;
}

double relative_spread(std::span<const double> values) {
  const std::vector<double> order = sorted(values);
  const std::size_t n = order.size();
  const double q1 = order[(n + 3) / 4 - 1];
  const double q3 = order[(3 * n + 3) / 4 - 1];
  return (q3 - q1) / middle(order);
}

std::vector<double> as_doubles(std::span<const std::int64_t> values) {
  std::vector<double> result;
  for (const std::int64_t value : values) result.push_back(static_cast<double>(value));
  return result;
}

}  // namespace ringattn
