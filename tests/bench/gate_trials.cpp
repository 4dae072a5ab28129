// How often the gate's rule for time is wrong: 2000 gates without a change, and 2000 with 10 % more work.
//
//   gate_trials [ROUNDS] [--replay FILE]
//
// measures ROUNDS interleaved rounds (default 84000, which is 2000 gates with a fresh run each, nothing used twice;
// some ten minutes), or reads recorded ones; then runs gates over them through the gate's own rule. Writes
// results/gate_trials.json and, where it measured, results/gate_timings.jsonl (the first 6000 rounds). `make
// gate-trials` calls it.

#include "config/environment.h"
#include "config/error.h"
#include "gate_replay.h"
#include "measure/clock.h"
#include "measure/statistics.h"
#include "report/store.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace ringattn::trials {
namespace {

constexpr std::int64_t kRounds = 84'000;
constexpr std::size_t kRoundsKept = 6'000;

Json interval(const std::vector<std::int64_t>& numerator, const std::vector<std::int64_t>& denominator) {
  const MedianEstimate e = estimate_median(pair_ratios(numerator, denominator));
  return {{"median", e.median}, {"low", *e.low}, {"high", *e.high}};
}

struct Trial {
  const char* name;
  TrialOptions options;
};

const std::vector<Trial>& trials() {
  static const std::vector<Trial> list{
      {"same_21_pairs", {}},
      {"same_31_pairs", {.pairs = 31}},
      {"same_spikes_21_pairs", {.spikes = 0.15}},
      {"slower_tiles_21_pairs", {.planted = Planted::tiles}},
      {"slower_tiles_31_pairs", {.pairs = 31, .planted = Planted::tiles}},
      {"slower_replayed_21_pairs", {.planted = Planted::replayed}},
      {"slower_replayed_spikes_21_pairs", {.planted = Planted::replayed, .spikes = 0.15}},
      {"slower_replayed_spikes_31_pairs", {.pairs = 31, .planted = Planted::replayed, .spikes = 0.15}},
  };
  return list;
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print(const char* name, const TrialCounts& c) {
  fmt::print("{:<34} {:5} gates: {:5} fail ({:6.2f} %), {:5} unsure, {:5} pass; quiet {:5}: {:5} fail ({:6.2f} %)\n",
             name, c.gates, c.failed, share(c.failed, c.gates), c.unsure, c.passed + c.improved, c.quiet_gates,
             c.quiet_failed, share(c.quiet_failed, c.quiet_gates));
}

int run(std::int64_t rounds, const std::string& replay) {
  const std::int64_t start = now_ns();
  const Series series = replay.empty() ? measure_series(rounds) : load_series(replay);
  const Environment machine = capture_environment(Env{}, "");
  const std::string machine_words = fmt::format("{}, {} cores", machine.cpu_model, machine.cpu_cores_usable);
  Json result{{"what", series_words()},
              {"source", replay.empty() ? "measured in this run" : "replayed from " + replay},
              {"machine", machine_words},
              {"rounds", series.rounds()},
              {"median_ns", median(as_doubles(series.base))},
              {"ratio_same", interval(series.candidate, series.base)},
              {"ratio_again", interval(series.again, series.candidate)},
              {"ratio_slower_tiles", interval(series.slow, series.base)}};
  fmt::print("{}\n", result.dump(2));
  for (const Trial& trial : trials()) {
    const TrialCounts counts = run_trials(series, trial.options);
    print(trial.name, counts);
    result["trials"][trial.name] = to_json(counts);
  }
  result["duration_s"] = static_cast<double>(now_ns() - start) / 1e9;
  write_file_atomically("results/gate_trials.json", result.dump(2) + "\n");
  if (replay.empty()) save_series(series, kRoundsKept, machine_words, "results/gate_timings.jsonl");
  return 0;
}

int run(const std::vector<std::string>& words) {
  std::string replay;
  std::int64_t rounds = kRounds;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--replay" && i + 1 < words.size())
      replay = words[++i];
    else if (words[i].find_first_not_of("0123456789") == std::string::npos)
      rounds = std::stoll(words[i]);
    else
      throw UsageError("usage: gate_trials [ROUNDS] [--replay FILE] (got \"" + words[i] + "\")");
  }
  return run(rounds, replay);
}

}  // namespace
}  // namespace ringattn::trials

int main(int argc, char** argv) {
  try {
    return ringattn::trials::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
