#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ringattn {

// Order statistics only: no assumption about the distribution of times, no random numbers, so a report repeats exactly.

/// The middle value, or the mean of the two in the middle. Throws UsageError for no values.
double median(std::span<const double> values);

/// Ranks, counted from 1, of the order statistics that enclose the median.
struct MedianRanks {
  int low = 0;
  int high = 0;
  double coverage = 0;  ///< probability that [r(low), r(high)] contains the median
};

/// The narrowest pair (low, n + 1 - low) with
///   coverage = P(low <= B < high) = 1 - 2·P(B < low) >= confidence,   B ~ Binomial(n, ½),
/// which holds for every continuous distribution of independent values (David and Nagaraja, Order Statistics, §7.1).
/// None below six values at 95 %: r(1) … r(5) covers only 93.75 %.
std::optional<MedianRanks> median_ranks(int n, double confidence = 0.95);

/// A median with its interval; `low` and `high` are missing where there are too few values.
struct MedianEstimate {
  double median = 0;
  std::optional<double> low;
  std::optional<double> high;
};
MedianEstimate estimate_median(std::span<const double> values, double confidence = 0.95);

/// candidate / legacy of each interleaved pair: drift that both saw cancels. Throws UsageError when the lists differ in
/// length or a time is not positive.
std::vector<double> pair_ratios(std::span<const std::int64_t> candidate_ns, std::span<const std::int64_t> legacy_ns);

/// (q3 - q1) / median, quartiles at the values of rank ⌈n/4⌉ and ⌈3n/4⌉: how noisy a list of times is, blind to single
/// spikes.
double relative_spread(std::span<const double> values);

std::vector<double> as_doubles(std::span<const std::int64_t> values);

}  // namespace ringattn
