#pragma once

#include "measure/statistics.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace ringattn {

/// How often something is timed.
struct SamplingOptions {
  std::int64_t budget_ns = 300'000'000;  ///< no sample begins after it, once there are `least`
  int least = 6;                         ///< below six the median has no 95 % interval
  int most = 41;
};

/// Calls `once`, which returns what it took in nanoseconds, one untimed time and then as often as the budget lets it.
/// The samples, in the order they were taken.
std::vector<std::int64_t> take_samples(const std::function<std::int64_t()>& once, const SamplingOptions& options);

/// The time of one call of `work` in nanoseconds.
std::int64_t time_of(const std::function<void()>& work);

/// The median of amount / time, with the time's order statistics for bounds; amount in units, the result in units per
/// second.
MedianEstimate rate_of(double amount, const std::vector<std::int64_t>& time_ns);

}  // namespace ringattn
