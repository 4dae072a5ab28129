#pragma once

#include "cli/options.h"

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
  std::optional<std::int64_t> pairs{};             ///< timed ABBA pairs a case; none: 21, fewer for the default preset
  bool no_time = false;                            ///< bytes and messages only
  std::chrono::milliseconds time_budget{300'000};  ///< cases that would begin later are listed as skipped
  std::string resume{};                            ///< report of an interrupted run to go on from
};

void add_bench(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
