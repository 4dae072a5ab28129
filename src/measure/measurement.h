#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ringattn {

/// What one call (Pass) cost one rank. Bytes as requested from LibTorch's allocator on the rank's thread; traffic as
/// copied.
struct RankCost {
  std::int64_t input_bytes = 0;    ///< the rank's own query, key and value rows, mask and grad_out
  std::int64_t peak_bytes = 0;     ///< highest total of live allocations above the inputs, results included
  std::int64_t live_bytes = 0;     ///< input_bytes + peak_bytes: all that is alive at the peak
  std::int64_t kept_bytes = 0;     ///< allocated by the call and still alive after it, beside its results; CPU only
  std::int64_t largest_bytes = 0;  ///< largest single allocation
  std::int64_t allocations = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t received_bytes = 0;
  std::int64_t messages = 0;  ///< sent
  bool operator==(const RankCost&) const = default;
};

/// What was measured of one implementation in one case.
struct Measurement {
  std::vector<RankCost> ranks;        ///< one per rank, from the metering pass: deterministic
  std::int64_t metering_time_ns = 0;  ///< how long that pass took, inputs included; not a result
  std::vector<std::int64_t> time_ns;  ///< one per pair, from the timed pass

  std::int64_t peak_bytes_max() const { return max_of(&RankCost::peak_bytes); }
  std::int64_t live_bytes_max() const { return max_of(&RankCost::live_bytes); }
  std::int64_t largest_bytes_max() const { return max_of(&RankCost::largest_bytes); }
  std::int64_t sent_bytes_max() const { return max_of(&RankCost::sent_bytes); }
  std::int64_t sent_bytes_total() const { return total_of(&RankCost::sent_bytes); }
  std::int64_t messages_total() const { return total_of(&RankCost::messages); }

 private:
  std::int64_t max_of(std::int64_t RankCost::*field) const {
    std::int64_t highest = 0;
    for (const RankCost& rank : ranks) highest = std::max(highest, rank.*field);
    return highest;
  }
  std::int64_t total_of(std::int64_t RankCost::*field) const {
    std::int64_t total = 0;
    for (const RankCost& rank : ranks) total += rank.*field;
    return total;
  }
};

}  // namespace ringattn
