#include "gate_series.h"

#include "attention/block_backend.h"
#include "attention/inputs.h"
#include "config/error.h"
#include "config/json.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "measure/statistics.h"
#include "report/store.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace ringattn::trials {
namespace {

constexpr std::int64_t kRanks = 2, kSeqLen = 768, kHeads = 2, kHeadDim = 64;
constexpr double kPlanted = 0.10;
constexpr std::int64_t kTriedRounds = 400;
constexpr int kTries = 3;

/// The ring, and some of its tiles once more.
class SlowedAttention final : public Attention {
 public:
  SlowedAttention(RingAttention& ring, double extra) : Attention(ring.function()), ring_(ring), extra_(extra) {}
  double extra() const { return extra_; }
  void set_extra(double extra) { extra_ = extra; }

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }

  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    Partial result = ring_.forward(communicator, inputs);
    const auto rows = static_cast<std::int64_t>(extra_ * static_cast<double>(inputs.query.size(1)) + 0.5);
    for (int step = 0; step < communicator.world_size(); ++step)
      (void)ring_.backend().forward({.query = inputs.query.narrow(1, 0, rows).transpose(1, 2),
                                     .key = inputs.key.transpose(1, 2),
                                     .value = inputs.value.transpose(1, 2),
                                     .softmax_scale = 0.125});
    return result;
  }

  RingAttention& ring_;
  double extra_;
};

RingAttention make_ring() {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  return {config, kSeqLen, kHeads, false, kRanks};
}

}  // namespace

std::string series_words() {
  return fmt::format(
      "dense ring of {} ranks, {} positions, {} heads of {}, fp32; the slow one runs more tiles, {:.0f} % in time",
      kRanks, kSeqLen, kHeads, kHeadDim, 100 * kPlanted);
}

Series measure_series(std::int64_t rounds) {
  RankWorld world(kRanks);
  const auto inputs = generated_inputs({.seed = 42, .seq_len = kSeqLen, .heads = kHeads, .head_dim = kHeadDim});
  RingAttention base = make_ring(), candidate = make_ring(), again = make_ring(), below = make_ring();
  SlowedAttention slow(below, kPlanted);
  const std::vector<Attention*> contenders{&base, &candidate, &again, &slow};
  const auto time = [&](std::int64_t pairs) {
    return time_interleaved(world.world(), contenders, *inputs, at::kFloat,
                            {.pairs = pairs, .warmups = 20, .time_budget = {}, .stop = {}});
  };
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const TimedRuns tried = time(kTriedRounds);
    const double longer = estimate_median(pair_ratios(tried.time_ns[3], tried.time_ns[0])).median - 1.0;
    if (longer > 0.0) slow.set_extra(std::min(0.5, slow.extra() * kPlanted / longer));
  }
  TimedRuns runs = time(rounds);
  return {std::move(runs.time_ns[0]), std::move(runs.time_ns[1]), std::move(runs.time_ns[2]),
          std::move(runs.time_ns[3])};
}

void save_series(const Series& series, std::size_t rounds_max, const std::string& machine, const std::string& path) {
  std::string text =
      Json{{"holds", "nanoseconds of base, candidate, again, slow"}, {"what", series_words()}, {"machine", machine}}
          .dump() +
      "\n";
  for (std::size_t i = 0; i < std::min(rounds_max, series.rounds()); ++i)
    text += fmt::format("[{},{},{},{}]\n", series.base[i], series.candidate[i], series.again[i], series.slow[i]);
  write_file_atomically(path, text);
}

std::string load_series(const std::string& path, Series& series) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw UsageError(path + ": cannot be read");
  const Json head = parse_json_strict(line, path);
  std::string machine = JsonValue(head, path).require("machine").string();
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const std::string where = fmt::format("{}:{}", path, number);
    const Json json = parse_json_strict(line, where);
    const std::vector<JsonValue> times = JsonValue(json, where).elements();
    if (times.size() != 4) throw UsageError(where + ": must be four times");
    series.base.push_back(times[0].integer(1));
    series.candidate.push_back(times[1].integer(1));
    series.again.push_back(times[2].integer(1));
    series.slow.push_back(times[3].integer(1));
  }
  return machine;
}

}  // namespace ringattn::trials
