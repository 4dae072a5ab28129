#include "measure/sampling.h"

#include "measure/clock.h"

#include <algorithm>

namespace ringattn {

std::vector<std::int64_t> take_samples(const std::function<std::int64_t()>& once, const SamplingOptions& options) {
  const std::int64_t start_ns = now_ns();
  once();  // warms caches, allocators and threads up
  std::vector<std::int64_t> samples;
  for (int i = 0; i < options.most; ++i) {
    if (i >= options.least && now_ns() - start_ns >= options.budget_ns) break;
    samples.push_back(std::max<std::int64_t>(1, once()));
  }
  return samples;
}

std::int64_t time_of(const std::function<void()>& work) {
  const std::int64_t start_ns = now_ns();
  work();
  return now_ns() - start_ns;
}

MedianEstimate rate_of(double amount, const std::vector<std::int64_t>& time_ns) {
  std::vector<double> rates;
  for (const std::int64_t time : time_ns) rates.push_back(1e9 * amount / static_cast<double>(time));
  return estimate_median(rates);
}

}  // namespace ringattn
