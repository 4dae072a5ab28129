#include "gate_replay.h"

#include "config/error.h"
#include "gate/time_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace ringattn::trials {
namespace {

constexpr double kPlanted = 1.10, kQuiet = 0.02;

/// Steele, Lea and Flood 2014: the same numbers on every machine.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  double uniform() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

using Times = std::vector<std::int64_t>;

Times window(const Times& all, std::size_t first, std::size_t count, double factor, double spikes, SplitMix& random) {
  Times times;
  for (std::size_t i = first; i < first + count; ++i) {
    const bool is_spike = spikes > 0 && random.uniform() < spikes;
    const double longer = factor * (is_spike ? 1.2 + 1.8 * random.uniform() : 1.0);
    times.push_back(std::llround(static_cast<double>(all[i]) * longer));
  }
  return times;
}

TimeRun run_of(const Series& series, std::size_t first, const TrialOptions& options, SplitMix& random) {
  const auto of = [&](const Times& all, double factor) {
    return window(all, first, options.pairs, factor, options.spikes, random);
  };
  const Times base = of(series.base, 1.0), candidate = of(series.candidate, 1.0), again = of(series.again, 1.0);
  const Times compared = options.planted == Planted::nothing ? candidate
                         : options.planted == Planted::tiles ? of(series.slow, 1.0)
                                                             : of(series.candidate, kPlanted);
  return {estimate_median(pair_ratios(compared, base)), estimate_median(pair_ratios(again, candidate))};
}

/// By the recorded times, without spikes that a trial adds.
bool is_quiet(const Series& series, std::size_t first, const TrialOptions& options) {
  SplitMix none(0);
  const TimeRun run = run_of(series, first, {.pairs = options.pairs}, none);
  return std::max(std::abs(*run.self.low - 1), std::abs(*run.self.high - 1)) <= kQuiet;
}

void count(TrialCounts& counts, CheckStatus status, bool quiet) {
  ++counts.gates;
  counts.quiet_gates += quiet ? 1 : 0;
  if (status == CheckStatus::pass) ++counts.passed;
  if (status == CheckStatus::unsure) ++counts.unsure;
  if (status == CheckStatus::improved) ++counts.improved;
  if (status != CheckStatus::fail) return;
  ++counts.failed;
  counts.quiet_failed += quiet ? 1 : 0;
}

}  // namespace

TrialCounts run_trials(const Series& series, const TrialOptions& options) {
  const std::size_t length = 2 * options.pairs;
  if (series.rounds() < length)
    throw UsageError(fmt::format("rounds: {}, a gate alone takes {}", series.rounds(), length));
  SplitMix random(20220819);
  TrialCounts counts;
  for (std::int64_t gate = 0; gate < options.gates; ++gate) {
    const double place = static_cast<double>(gate) / static_cast<double>(std::max<std::int64_t>(1, options.gates - 1));
    const auto first = static_cast<std::size_t>(place * static_cast<double>(series.rounds() - length));
    const TimeRun run = run_of(series, first, options, random);
    std::optional<TimeRun> fresh;
    if (wants_confirmation(run)) fresh = run_of(series, first + options.pairs, options, random);
    const bool quiet = is_quiet(series, first, options) && is_quiet(series, first + options.pairs, options);
    count(counts, check_time("trial", run, fresh).status, quiet);
  }
  return counts;
}

Json to_json(const TrialCounts& c) {
  return {{"gates", c.gates},
          {"failed", c.failed},
          {"unsure", c.unsure},
          {"passed", c.passed},
          {"improved", c.improved},
          {"quiet_gates", c.quiet_gates},
          {"quiet_failed", c.quiet_failed}};
}

}  // namespace ringattn::trials
