// How often the gate's rule for time is wrong: 2000 gates without a change, and 2000 with 10 % more work.
//
//   gate_trials [ROUNDS] [--only-save FILE] [--replay FILE…]
//
// measures ROUNDS interleaved rounds (default 84000, which is 2000 gates with a fresh run each, nothing used twice;
// some ten minutes), or reads recorded ones, one file after the other; then runs gates over them through the gate's own
// rule. Writes results/gate_trials.json and, where it measured, results/gate_timings.jsonl (the first 6000 rounds).
// --only-save writes all rounds to FILE instead, for a later --replay: on a machine of many cores, several can be
// measured at the same time, each pinned to two cores of its own. `make gate-trials` calls it.

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

struct Arguments {
  std::int64_t rounds = kRounds;
  std::string save{};                 ///< measure alone, and keep all of it here
  std::vector<std::string> replay{};  ///< read these
};

std::string this_machine() {
  const Environment machine = capture_environment(Env{}, "");
  return fmt::format("{}, {} cores", machine.cpu_model, machine.cpu_cores_usable);
}

int run(const Arguments& arguments) {
  const std::int64_t start = now_ns();
  const bool is_replay = !arguments.replay.empty();
  std::string machine_words = this_machine();
  Series series;
  for (const std::string& path : arguments.replay) machine_words = load_series(path, series);
  if (!is_replay) series = measure_series(arguments.rounds);
  if (!arguments.save.empty()) {
    save_series(series, series.rounds(), machine_words, arguments.save);
    fmt::print("{}: {} rounds\n", arguments.save, series.rounds());
    return 0;
  }
  Json result{{"what", series_words()},
              {"source", is_replay ? fmt::format("recorded by {} runs of --only-save", arguments.replay.size())
                                   : "measured in this run"},
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
  save_series(series, kRoundsKept, machine_words, "results/gate_timings.jsonl");
  return 0;
}

Arguments arguments_of(const std::vector<std::string>& words) {
  Arguments arguments;
  bool replays = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_number = words[i].find_first_not_of("0123456789") == std::string::npos;
    if (words[i] == "--replay" && i + 1 < words.size())
      replays = true;
    else if (words[i] == "--only-save" && i + 1 < words.size())
      arguments.save = words[++i];
    else if (replays)
      arguments.replay.push_back(words[i]);
    else if (is_number)
      arguments.rounds = std::stoll(words[i]);
    else
      throw UsageError("usage: gate_trials [ROUNDS] [--only-save FILE] [--replay FILE…] (got \"" + words[i] + "\")");
  }
  return arguments;
}

}  // namespace
}  // namespace ringattn::trials

int main(int argc, char** argv) {
  try {
    return ringattn::trials::run(ringattn::trials::arguments_of({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
