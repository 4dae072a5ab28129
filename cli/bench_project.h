#pragma once

#include "cli/bench_setup.h"
#include "cli/project_options.h"
#include "cli/run_log.h"
#include "cli/terminal.h"
#include "config/network.h"
#include "measure/calibrated_rates.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// Times that nobody took, from plans and from rates: of this machine, or of a described network.
class BenchForecast {
 public:
  /// All references must outlive the object. UsageError for a network that is none.
  BenchForecast(const BenchOptions& options, const BenchSetup& setup, Workbench& bench);

  /// This machine's, measured when first asked for.
  CalibratedRates& rates() { return rates_; }
  /// The time of one that was measured or rehearsed, if it is new and so has a plan.
  void foretell(ImplementationRecord& record, const Case& axes);
  /// Rows of a case that is not run, one for each new implementation: on the network where --network names one and
  /// `on_network`, else each rank is a machine like this one.
  std::vector<CaseRecord> price(const Case& axes, bool on_network);

  /// Where price() puts the ranks, in words.
  std::string who(bool on_network) const;
  /// What the longest case took to plan and price.
  std::int64_t longest_ns() const { return longest_ns_; }

 private:
  CaseRecord priced(const Contender& contender, bool on_network);
  std::string repro(const Contender& contender, bool on_network) const;

  const BenchOptions& options_;
  const BenchSetup& setup_;
  Workbench& bench_;
  std::optional<Network> network_;
  CalibratedRates rates_;
  std::int64_t longest_ns_ = 0;
};

/// After everything has run: foretells the time of each case that was measured or rehearsed, adds the cases of
/// --project as rows marked priced, and fills the report's predictions. Does nothing after Ctrl-C, or where neither
/// --project nor
/// --calibrate was given nor cases were planned (bench_plan.h).
void project_bench(const BenchOptions& options, const BenchSetup& setup, BenchForecast& forecast, RunLog& log,
                   Terminal& terminal);

/// UsageError before anything runs: an unknown network, a dtype without a rate, numbers of ranks that are run as well.
void check_projection(const ProjectOptions& options, const Env& env, const std::vector<Case>& cases);

}  // namespace ringattn
