#include "gate_series.h"

#include "attention/block_backend.h"
#include "attention/inputs.h"
#include "config/error.h"
#include "config/json.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "report/store.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <fstream>

namespace ringattn::trials {
namespace {

constexpr std::int64_t kRanks = 2, kSeqLen = 768, kHeads = 2, kHeadDim = 64;
constexpr double kExtra = 0.10;

/// The ring, and a tenth of its tiles once more.
class SlowedAttention final : public Attention {
 public:
  explicit SlowedAttention(RingAttention& ring) : Attention(ring.function()), ring_(ring) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }

  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    Partial result = ring_.forward(communicator, inputs);
    const auto rows = static_cast<std::int64_t>(kExtra * static_cast<double>(inputs.query.size(1)) + 0.5);
    for (int step = 0; step < communicator.world_size(); ++step)
      (void)ring_.backend().forward({.query = inputs.query.narrow(1, 0, rows).transpose(1, 2),
                                     .key = inputs.key.transpose(1, 2),
                                     .value = inputs.value.transpose(1, 2),
                                     .softmax_scale = 0.125});
    return result;
  }

  RingAttention& ring_;
};

RingAttention make_ring() {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  return {config, kSeqLen, kHeads, false, kRanks};
}

}  // namespace

std::string series_words() {
  return fmt::format(
      "dense ring of {} ranks, {} positions, {} heads of {}, fp32; the slow one runs {:.0f} % more tiles", kRanks,
      kSeqLen, kHeads, kHeadDim, 100 * kExtra);
}

Series measure_series(std::int64_t rounds) {
  RankWorld world(kRanks);
  const auto inputs = generated_inputs({.seed = 42, .seq_len = kSeqLen, .heads = kHeads, .head_dim = kHeadDim});
  RingAttention base = make_ring(), candidate = make_ring(), again = make_ring(), below = make_ring();
  SlowedAttention slow(below);
  const std::vector<Attention*> contenders{&base, &candidate, &again, &slow};
  TimedRuns runs = time_interleaved(world.world(), contenders, *inputs, at::kFloat,
                                    {.pairs = rounds, .warmups = 20, .time_budget = {}, .stop = {}});
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

Series load_series(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw UsageError(path + ": cannot be read");
  Series series;
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
  return series;
}

}  // namespace ringattn::trials
