#pragma once

#include "cli/bench_options.h"
#include "cli/contenders.h"
#include "cli/workbench.h"
#include "config/resolve.h"
#include "report/report.h"

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What `bench` was asked for, looked up and checked: nothing has run yet.
struct BenchSetup {
  Resolved resolved;
  Contenders contenders;
  std::vector<Case> cases;
  /// The cases again, those that differ in the number of ranks alone together: timed in one interleaved pass, so that
  /// ratios between ranks hold too.
  std::vector<std::vector<Case>> groups;
  std::vector<std::string> warnings;
  std::optional<RehearsalPlan> rehearsal{};  ///< none: all ranks are measured
};

/// Throws UsageError or Unavailable for what has no meaning or cannot run here.
BenchSetup set_up_bench(const BenchOptions& options, Workbench& bench);

/// The report that the run begins with: everything but cases.
Report begin_bench_report(const BenchOptions& options, const BenchSetup& setup);

}  // namespace ringattn
