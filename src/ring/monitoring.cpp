#include "ring/monitoring.h"

#include "config/atomic_file.h"
#include "config/error.h"
#include "config/json.h"

#include <fmt/format.h>

#include <fstream>
#include <utility>
#include <vector>

namespace ringattn {

RingCommunicationStats difference(const RingCommunicationStats& now, const RingCommunicationStats& before) {
  using Stats = RingCommunicationStats;
  Stats result = now;
  for (std::int64_t Stats::*field :
       {&Stats::total_sends, &Stats::total_recvs, &Stats::total_bytes_sent, &Stats::total_bytes_received,
        &Stats::failed_sends, &Stats::failed_recvs, &Stats::retry_attempts, &Stats::retry_successes, &Stats::total_hops,
        &Stats::total_comm_time_ns, &Stats::exposed_ns, &Stats::hidden_ns, &Stats::total_ring_passes})
    result.*field -= before.*field;
  return result;
}

std::string to_json_line(const ForwardFacts& f) {
  const auto stats = [](const RingCommunicationStats& s) {
    return Json{{"bytes_sent", s.total_bytes_sent},
                {"bytes_received", s.total_bytes_received},
                {"hops", s.total_hops},
                {"exposed_ns", s.exposed_ns},
                {"hidden_ns", s.hidden_ns},
                {"failed", s.failed_sends + s.failed_recvs},
                {"retries", s.retry_attempts}};
  };
  Json line{{"rank", f.rank}, {"forward", f.forward}, {"time_ns", f.time_ns}, {"flops", f.flops}};
  line[f.is_peak_measured ? "peak_bytes" : "peak_bytes_priced"] = f.peak_bytes;
  line["gradient_compression_error"] = f.compression_error;
  line["call"] = stats(f.call);
  line["total"] = stats(f.total);
  return line.dump();
}

std::string to_prometheus_text(const ForwardFacts& f) {
  struct Sample {
    const char* name;
    const char* type;
    const char* help;
    double value;
  };
  const auto count = [](std::int64_t value) { return static_cast<double>(value); };
  const auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1e9; };
  const RingCommunicationStats& t = f.total;
  const std::vector<Sample> samples{
      {"ringattn_forwards_total", "counter", "Forward calls.", count(f.forward)},
      {"ringattn_sent_bytes_total", "counter", "Bytes sent to other ranks.", count(t.total_bytes_sent)},
      {"ringattn_received_bytes_total", "counter", "Bytes received from other ranks.", count(t.total_bytes_received)},
      {"ringattn_hops_total", "counter", "Exchanges that moved rows.", count(t.total_hops)},
      {"ringattn_exposed_communication_seconds_total", "counter", "Time spent waiting for rows.",
       seconds(t.exposed_ns)},
      {"ringattn_hidden_communication_seconds_total", "counter", "Time rows were in flight while the rank computed.",
       seconds(t.hidden_ns)},
      {"ringattn_failed_transfers_total", "counter", "Attempts at messages that failed.",
       count(t.failed_sends + t.failed_recvs)},
      {"ringattn_retries_total", "counter", "Attempts after a failed one.", count(t.retry_attempts)},
      {"ringattn_forward_seconds", "gauge", "Duration of the last forward call.", seconds(f.time_ns)},
      {"ringattn_peak_bytes", "gauge",
       f.is_peak_measured ? "Peak bytes above the inputs of the last forward call, measured."
                          : "Peak bytes above the inputs of the last forward call, priced from its plan.",
       count(f.peak_bytes)},
  };
  std::string text;
  for (const Sample& s : samples)
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0}{{rank=\"{3}\"}} {4}\n", s.name, s.help, s.type, f.rank,
                        s.value);
  return text;
}

void write_monitoring(const std::filesystem::path& folder, const ForwardFacts& facts) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::filesystem::path lines = folder / fmt::format("rank{}.jsonl", facts.rank);
  std::ofstream file(lines, std::ios::app);
  file << to_json_line(facts) << '\n';
  if (error || !file.flush())
    throw RuntimeFailure(fmt::format("rank {}: {} cannot be written", facts.rank, lines.string()));
  write_file_atomically(folder / fmt::format("rank{}.prom", facts.rank), to_prometheus_text(facts));
}

}  // namespace ringattn
