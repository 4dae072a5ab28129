#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace ringattn {

/// What one rank's communication came to, over all its calls. The guide's RingCommunicationStats, each counter true: a
/// send or receive is one message that has left or arrived, bytes are those of the messages, a pass is one walk round
/// the ring. Times in nanoseconds.
struct RingCommunicationStats {
  std::int64_t total_sends = 0;
  std::int64_t total_recvs = 0;
  std::int64_t total_bytes_sent = 0;
  std::int64_t total_bytes_received = 0;
  std::int64_t failed_sends = 0;  ///< attempts, see FaultCount
  std::int64_t failed_recvs = 0;
  std::int64_t retry_attempts = 0;
  std::int64_t retry_successes = 0;
  std::int64_t total_hops = 0;  ///< exchanges that moved something
  /// From the posting of a hop until its rows have arrived (or left, where none arrive); hops in flight at the same
  /// time count each.
  std::int64_t total_comm_time_ns = 0;
  std::int64_t max_comm_time_ns = 0;
  std::int64_t min_comm_time_ns = 0;  ///< 0 before the first hop
  std::int64_t exposed_ns = 0;        ///< stood in waits for rows: what computing did not hide
  std::int64_t hidden_ns = 0;         ///< of the time in flight, what the rank spent otherwise than waiting for it
  std::int64_t total_ring_passes = 0;

  bool operator==(const RingCommunicationStats&) const = default;

  std::int64_t total_operations() const { return total_sends + total_recvs; }
  std::int64_t total_bytes() const { return total_bytes_sent + total_bytes_received; }
  /// Failed attempts over all attempts: 0 … 1.
  double failure_rate() const {
    return ratio(failed_sends + failed_recvs, total_operations() + failed_sends + failed_recvs);
  }
  double retry_success_rate() const { return ratio(retry_successes, retry_attempts); }
  double avg_comm_time_ns() const { return ratio(total_comm_time_ns, total_hops); }

  void add_hop(std::int64_t time_ns) {
    ++total_hops;
    total_comm_time_ns += time_ns;
    max_comm_time_ns = std::max(max_comm_time_ns, time_ns);
    min_comm_time_ns = total_hops == 1 ? time_ns : std::min(min_comm_time_ns, time_ns);
  }

 private:
  static double ratio(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// One line: "rank 1: 3 hops, 12288 bytes sent, …".
std::string to_text(const RingCommunicationStats& stats, int rank);

/// As a JSON object of all fields, and back. UsageError for a field that is missing, unknown or no count.
std::string to_json_text(const RingCommunicationStats& stats);
RingCommunicationStats statistics_from_json_text(const std::string& text, const std::string& source);

}  // namespace ringattn
