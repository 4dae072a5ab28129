#include "measure/noise.h"

#include "attention/inputs.h"
#include "config/error.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"

#include <algorithm>
#include <utility>

namespace ringattn {

double Noise::half_width() const {
  if (!ratio.low || !ratio.high) return 1.0;
  return std::max(*ratio.high - 1.0, 1.0 - *ratio.low);
}

Noise summarize_noise(std::vector<std::int64_t> first_ns, std::vector<std::int64_t> second_ns) {
  if (first_ns.empty()) throw UsageError("noise: no pairs, at least one is needed");
  const std::vector<double> ratios = pair_ratios(second_ns, first_ns);
  std::vector<double> calls = as_doubles(first_ns);
  for (const double time : as_doubles(second_ns)) calls.push_back(time);
  Noise noise;
  noise.ratio = estimate_median(ratios);
  noise.call_ns = median(calls);
  noise.spread = relative_spread(ratios);
  noise.first_ns = std::move(first_ns);
  noise.second_ns = std::move(second_ns);
  return noise;
}

Noise measure_noise(const NoiseOptions& options) {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RankWorld world(options.ranks);
  RingAttention attention(config, options.seq_len, options.heads, /*is_causal=*/true, options.ranks);
  const auto inputs =
      generated_inputs({.seq_len = options.seq_len, .heads = options.heads, .head_dim = options.head_dim});
  const std::vector<TimedContender> same(2, TimedContender{.world = &world.world(), .attention = &attention});
  TimedRuns runs =
      time_interleaved(same, *inputs, at::kFloat, {.pairs = options.pairs, .warmups = 2, .stop = options.stop});
  return summarize_noise(std::move(runs.time_ns[0]), std::move(runs.time_ns[1]));
}

}  // namespace ringattn
