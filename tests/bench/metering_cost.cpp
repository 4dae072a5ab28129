// What metering adds to the timed kernels: the ring with every rank under the memory meter against the ring without, in
// interleaved pairs. Timed runs are never metered; this says how far one could be.
//
//   metering_cost [PAIRS]
//
// Writes results/metering_cost.json; exit code 1 where the median of a case is above 1.02. `make metering-cost` calls
// it.

#include "attention/inputs.h"
#include "config/environment.h"
#include "config/error.h"
#include "config/json.h"
#include "measure/memory_meter.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "measure/statistics.h"
#include "report/store.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace ringattn::trials {
namespace {

constexpr std::int64_t kPairs = 201, kHeads = 4, kHeadDim = 64;
constexpr double kAllowed = 1.02;

/// The ring, each rank under the meter.
class MeteredAttention final : public Attention {
 public:
  explicit MeteredAttention(RingAttention& ring) : Attention(ring.function()), ring_(ring) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    const MemoryMeter meter;
    Partial result = ring_.forward(communicator, inputs);
    (void)meter.use();
    return result;
  }

  RingAttention& ring_;
};

struct Trial {
  std::int64_t seq_len;
  int ranks;
  PatternName pattern;
};

/// From many small allocations to few large ones.
constexpr Trial kTrials[] = {{512, 1, PatternName::dense},
                             {512, 2, PatternName::dense},
                             {2048, 1, PatternName::dense},
                             {2048, 2, PatternName::dense},
                             {2048, 2, PatternName::dilated}};

Json cost_of(const Trial& trial, std::int64_t pairs) {
  RingAttentionConfig config;
  config.segment_lengths = {256, 1024};
  config.dilation_rates = {1, 2};
  config.pattern.name = trial.pattern;
  RankWorld world(trial.ranks);
  const auto inputs = generated_inputs({.seed = 42, .seq_len = trial.seq_len, .heads = kHeads, .head_dim = kHeadDim});
  RingAttention plain(config, trial.seq_len, kHeads, false, trial.ranks),
      below(config, trial.seq_len, kHeads, false, trial.ranks);
  MeteredAttention metered(below);
  const std::vector<Attention*> contenders{&plain, &metered};
  const TimedRuns runs = time_interleaved(world.world(), contenders, *inputs, at::kFloat,
                                          {.pairs = pairs, .warmups = 5, .time_budget = {}, .stop = {}});
  const MedianEstimate ratio = estimate_median(pair_ratios(runs.time_ns[1], runs.time_ns[0]));
  const std::string name =
      fmt::format("{} n{} h{} d{} fp32 k{}", trial.pattern == PatternName::dense ? "dense" : "dilated", trial.seq_len,
                  kHeads, kHeadDim, trial.ranks);
  fmt::print("{:<34} metered / not: {:.4f} [{:.4f}, {:.4f}], {} pairs of {:.2f} ms\n", name, ratio.median, *ratio.low,
             *ratio.high, pairs, 1e-6 * median(as_doubles(runs.time_ns[0])));
  return {{"case", name},
          {"median_ns", median(as_doubles(runs.time_ns[0]))},
          {"metered_over_not", {{"median", ratio.median}, {"low", *ratio.low}, {"high", *ratio.high}}}};
}

int run(std::int64_t pairs) {
  const Environment machine = capture_environment(Env{}, "");
  Json result{{"what", "time of a forward pass with every rank under the memory meter / without, interleaved pairs"},
              {"machine", fmt::format("{}, {} cores", machine.cpu_model, machine.cpu_cores_usable)},
              {"pairs", pairs},
              {"allowed", kAllowed},
              {"cases", Json::array()}};
  double worst = 0.0;
  for (const Trial& trial : kTrials) {
    result["cases"].push_back(cost_of(trial, pairs));
    worst = std::max(worst, result["cases"].back()["metered_over_not"]["median"].get<double>());
  }
  result["worst"] = worst;
  write_file_atomically("results/metering_cost.json", result.dump(2) + "\n");
  return worst <= kAllowed ? 0 : 1;
}

}  // namespace
}  // namespace ringattn::trials

int main(int argc, char** argv) {
  try {
    const std::int64_t pairs = argc > 1 ? std::stoll(argv[1]) : ringattn::trials::kPairs;
    if (pairs < 6) throw ringattn::UsageError(fmt::format("pairs: {}, must be at least 6", pairs));
    return ringattn::trials::run(pairs);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
