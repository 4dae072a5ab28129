#include "comm/ring_statistics.h"

#include "config/json.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace ringattn {
namespace {

using Stats = RingCommunicationStats;

const std::vector<std::pair<const char*, std::int64_t Stats::*>>& fields() {
  static const std::vector<std::pair<const char*, std::int64_t Stats::*>> list{
      {"total_sends", &Stats::total_sends},
      {"total_recvs", &Stats::total_recvs},
      {"total_bytes_sent", &Stats::total_bytes_sent},
      {"total_bytes_received", &Stats::total_bytes_received},
      {"failed_sends", &Stats::failed_sends},
      {"failed_recvs", &Stats::failed_recvs},
      {"retry_attempts", &Stats::retry_attempts},
      {"retry_successes", &Stats::retry_successes},
      {"total_hops", &Stats::total_hops},
      {"total_comm_time_ns", &Stats::total_comm_time_ns},
      {"max_comm_time_ns", &Stats::max_comm_time_ns},
      {"min_comm_time_ns", &Stats::min_comm_time_ns},
      {"exposed_ns", &Stats::exposed_ns},
      {"hidden_ns", &Stats::hidden_ns},
      {"total_ring_passes", &Stats::total_ring_passes},
  };
  return list;
}

}  // namespace

std::string to_text(const RingCommunicationStats& s, int rank) {
  const auto ms = [](std::int64_t ns) { return static_cast<double>(ns) / 1e6; };
  return fmt::format(
      "rank {}: {} ring passes, {} hops, {} messages and {} bytes sent, {} and {} received, {:.3f} ms in flight "
      "({:.3f} exposed, {:.3f} hidden), {} failed attempts, {} retries of which {} succeeded",
      rank, s.total_ring_passes, s.total_hops, s.total_sends, s.total_bytes_sent, s.total_recvs, s.total_bytes_received,
      ms(s.total_comm_time_ns), ms(s.exposed_ns), ms(s.hidden_ns), s.failed_sends + s.failed_recvs, s.retry_attempts,
      s.retry_successes);
}

std::string to_json_text(const RingCommunicationStats& stats) {
  Json json = Json::object();
  for (const auto& [name, field] : fields()) json[name] = stats.*field;
  return json.dump(2);
}

RingCommunicationStats statistics_from_json_text(const std::string& text, const std::string& source) {
  const Json json = parse_json_strict(text, source);
  const JsonValue root(json, source);
  std::vector<std::string> known;
  for (const auto& [name, field] : fields()) known.emplace_back(name);
  root.allow_only(known);
  RingCommunicationStats stats;
  for (const auto& [name, field] : fields()) stats.*field = root.require(name).integer(0);
  return stats;
}

}  // namespace ringattn
