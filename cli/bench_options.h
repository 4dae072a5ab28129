#pragma once

#include "cli/bench_rehearse.h"
#include "cli/options.h"
#include "cli/project_options.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// `ringattn bench`: time, peak bytes and sent bytes over the axes of a workload.
struct BenchOptions {
  SharedOptions shared{};
  WorkloadOptions workload{};
  LongRunOptions run{};

  std::vector<std::string>
      implementations{};  ///< --impl, new or old names; empty: the preset's. The first is what ratios refer to
  InputOptions inputs{};
  bool backward = false;                           ///< forward and backward, as one
  std::optional<std::int64_t> pairs{};             ///< timed ABBA pairs a case; none: 21, fewer for the default preset
  bool no_time = false;                            ///< bytes and messages only
  std::chrono::milliseconds time_budget{300'000};  ///< cases that would begin later are listed as skipped
  std::optional<RehearsedRanks> rehearse{};        ///< one rank of K, or each of them, alone
  std::string link = "none";                       ///< its wires: a name, or GBps,us
  std::optional<double> contention{};              ///< kernels take so many times as long while a transfer is in flight
  ProjectOptions project{};                        ///< --project, --network, --calibrate
  std::string resume{};                            ///< report of an interrupted run to go on from
};

void add_bench(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
