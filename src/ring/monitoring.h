#pragma once

#include "comm/ring_statistics.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace ringattn {

/// One forward call of one rank as monitoring tells of it.
struct ForwardFacts {
  int rank = 0;
  std::int64_t forward = 0;  ///< counted from 1
  std::int64_t time_ns = 0;
  std::int64_t flops = 0;       ///< priced, of this rank
  std::int64_t peak_bytes = 0;  ///< above the inputs
  bool is_peak_measured = false;
  double compression_error = 0.0;  ///< of the backward passes before it, see CompressionError
  RingCommunicationStats call{};   ///< of this call alone
  RingCommunicationStats total{};  ///< of all calls
};

/// What happened between two states of the counters; longest and shortest hop are those of `now`.
RingCommunicationStats difference(const RingCommunicationStats& now, const RingCommunicationStats& before);

/// One line of JSON.
std::string to_json_line(const ForwardFacts& facts);
/// The totals in Prometheus' text format, every sample labelled with the rank.
std::string to_prometheus_text(const ForwardFacts& facts);

/// Writes them: a line at the end of FOLDER/rank<r>.jsonl, and FOLDER/rank<r>.prom anew, atomically, as a scraper may
/// read at any time. RuntimeFailure where that fails.
void write_monitoring(const std::filesystem::path& folder, const ForwardFacts& facts);

}  // namespace ringattn
