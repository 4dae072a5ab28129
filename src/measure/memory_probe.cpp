#include "measure/memory_probe.h"

#include <ATen/Parallel.h>

#include <cstring>

namespace ringattn {
namespace {

constexpr std::int64_t kGrain = std::int64_t{1} << 16;

/// Runs `kernel(first, count)` on each thread's stretch.
template <typename Kernel>
std::int64_t on_all_threads(std::int64_t elements, Kernel kernel) {
  return time_of([&] {
    at::parallel_for(0, elements, kGrain, [&](std::int64_t begin, std::int64_t end) { kernel(begin, end - begin); });
  });
}

std::int64_t elements_of(std::int64_t bytes) { return bytes / static_cast<std::int64_t>(sizeof(float)); }

std::vector<float> array_of(std::int64_t bytes, float value) {
  return std::vector<float>(static_cast<std::size_t>(elements_of(bytes)), value);
}

}  // namespace

std::vector<std::int64_t> copy_samples(std::int64_t bytes, const SamplingOptions& options) {
  std::vector<float> a = array_of(bytes, 0.0F);
  const std::vector<float> b = array_of(bytes, 1.0F);
  const auto kernel = [&](std::int64_t first, std::int64_t count) {
    std::memcpy(a.data() + first, b.data() + first, static_cast<std::size_t>(count) * sizeof(float));
  };
  return take_samples([&] { return on_all_threads(elements_of(bytes), kernel); }, options);
}

std::vector<std::int64_t> triad_samples(std::int64_t bytes, const SamplingOptions& options) {
  std::vector<float> a = array_of(bytes, 0.0F);
  const std::vector<float> b = array_of(bytes, 1.0F), c = array_of(bytes, 2.0F);
  const auto kernel = [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      a[at] = b[at] + 3.0F * c[at];
    }
  };
  return take_samples([&] { return on_all_threads(elements_of(bytes), kernel); }, options);
}

}  // namespace ringattn
