#include "cli/gate_time.h"

#include "cli/interrupt.h"
#include "compare/records.h"
#include "measure/library_attention.h"
#include "measure/pairing.h"
#include "measure/runner.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace ringattn {
namespace {

constexpr int kWarmups = 2;

class LibrarySampler final : public GateSampler {
 public:
  explicit LibrarySampler(Workbench& bench) : bench_(bench) {}
  std::string base() const override { return "library"; }

  GateSamples sample(const Case& axes, RingAttention& ring, std::int64_t pairs) override {
    LibraryAttention library(ring.function());
    World& one = bench_.world(1).world();
    World& world = bench_.world(axes.ranks).world();
    const std::array<TimedContender, 3> contenders{{{&one, &library}, {&world, &ring}, {&world, &ring}}};
    TimedRuns runs = time_interleaved(contenders, bench_.inputs(axes), scalar_type(axes.dtype),
                                      {.pairs = pairs, .warmups = kWarmups, .stop = interrupted});
    return {std::move(runs.time_ns[0]), std::move(runs.time_ns[1]), std::move(runs.time_ns[2])};
  }

 private:
  Workbench& bench_;
};

class BuildSampler final : public GateSampler {
 public:
  BuildSampler(const std::string& binary, const ServedSetting& setting, std::chrono::milliseconds timeout)
      : setting_(setting),
        workers_{std::make_unique<WorkerProcess>(binary, timeout),
                 std::make_unique<WorkerProcess>(own_binary(), timeout),
                 std::make_unique<WorkerProcess>(own_binary(), timeout)} {}

  std::string base() const override { return workers_[0]->description(); }

  GateSamples sample(const Case& axes, RingAttention&, std::int64_t pairs) override {
    for (const auto& worker : workers_) worker->prepare(setting_, axes);
    std::array<std::vector<std::int64_t>, 3> times;
    for (std::int64_t pair = -kWarmups; pair < pairs && !interrupted(); ++pair) {
      std::array<std::int64_t, 3> round{};
      for (const int i : pair_order(3, pair))
        round[static_cast<std::size_t>(i)] = workers_[static_cast<std::size_t>(i)]->sample_ns();
      for (std::size_t i = 0; i < round.size() && pair >= 0; ++i) times[i].push_back(round[i]);
    }
    return {std::move(times[0]), std::move(times[1]), std::move(times[2])};
  }

 private:
  ServedSetting setting_;
  std::array<std::unique_ptr<WorkerProcess>, 3> workers_;
};

}  // namespace

TimeRun ratios_of(const GateSamples& samples) {
  return {estimate_median(pair_ratios(samples.candidate_ns, samples.base_ns)),
          estimate_median(pair_ratios(samples.again_ns, samples.candidate_ns))};
}

std::unique_ptr<GateSampler> library_sampler(Workbench& bench) { return std::make_unique<LibrarySampler>(bench); }

std::unique_ptr<GateSampler> build_sampler(const std::string& binary, const ServedSetting& setting,
                                           std::chrono::milliseconds timeout) {
  return std::make_unique<BuildSampler>(binary, setting, timeout);
}

}  // namespace ringattn
