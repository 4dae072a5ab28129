#include "cli/monitoring.h"

#include "config/atomic_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

std::string trace_file(const std::string& case_id) {
  std::string name = case_id;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-'; }, '_');
  return "ringattn-trace-" + name + ".json";
}

}  // namespace

void tell_of_calls(RingAttention& ring, const RingAttentionConfig& config, const std::string& case_id,
                   Terminal& terminal) {
  const int ranks = ring.layout().world_size;
  if (const std::string tuning = ring.tuning(); !tuning.empty())
    terminal.note(fmt::format("{}: max-autotune: {}", case_id, tuning));
  if (config.log_communication_stats) {
    for (int rank = 0; rank < ranks; ++rank)
      terminal.note(fmt::format("{}: {}", case_id, to_text(ring.record(rank).statistics, rank)));
  }
  if (config.enable_profiling) {
    std::vector<std::pair<int, const TraceLog*>> logs;
    for (int rank = 0; rank < ranks; ++rank) logs.emplace_back(rank, &ring.record(rank).trace);
    const std::string file = trace_file(case_id);
    write_file_atomically(file, chrome_trace_json(logs));
    terminal.note(fmt::format("{}: trace written to {}", case_id, file));
  }
  ring.reset_records();
}

std::vector<std::string> library_notices(const RingAttentionConfig& config) {
  std::vector<std::string> list;
  if (config.checkpoint_frequency > 0)
    list.push_back(
        fmt::format("checkpoint_frequency={}: acts in the library's modules; a verb's calls have nothing to "
                    "go on from",
                    config.checkpoint_frequency));
  if (config.validate_gradients)
    list.emplace_back(
        "validate_gradients=true: acts in the library's backward; what a verb computes is judged by the verb");
  return list;
}

}  // namespace ringattn
