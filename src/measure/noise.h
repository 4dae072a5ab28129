#pragma once

#include "measure/statistics.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace ringattn {

/// The call whose repetition shows how noisy the machine is: dense causal attention, fp32, of this size.
struct NoiseOptions {
  std::int64_t pairs = 21;  ///< interleaved ABBA pairs of the same thing
  int ranks = 1;
  std::int64_t seq_len = 512;
  std::int64_t heads = 4;
  std::int64_t head_dim = 64;
  std::function<bool()> stop{};  ///< asked before every run; true ends early
};

/// What A/A runs say of a machine: the same call on both sides, so every ratio that isn't 1 is noise.
struct Noise {
  std::vector<std::int64_t> first_ns;   ///< of each pair
  std::vector<std::int64_t> second_ns;  ///< equally many
  MedianEstimate ratio;                 ///< of second / first, pair by pair
  double call_ns = 0.0;                 ///< median of all calls
  double spread = 0.0;                  ///< relative_spread of the ratios
  /// How far the interval of the median ratio reaches from 1: max(high - 1, 1 - low); 1 where there are too few pairs.
  double half_width() const;
};

/// Runs the pairs on rank threads, as `bench` and `gate` time theirs. Throws as time_interleaved does.
Noise measure_noise(const NoiseOptions& options = {});

/// The same summary of pairs that were taken elsewhere. UsageError where the lists are empty or differ in length.
Noise summarize_noise(std::vector<std::int64_t> first_ns, std::vector<std::int64_t> second_ns);

}  // namespace ringattn
