#pragma once

#include "cli/bench_plan.h"
#include "cli/bench_setup.h"
#include "measure/calibrated_rates.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What the cases of a bench would take, before any of them has run: from plans, this machine's rates, and how long it
/// takes here to make inputs and judge rows.
class BenchEfforts {
 public:
  BenchEfforts(const BenchOptions& options, const BenchSetup& setup, Workbench& bench, CalibratedRates& rates,
               std::int64_t free_bytes)
      : options_(options), setup_(setup), bench_(bench), rates_(rates), free_bytes_(free_bytes) {}

  /// Whether every case surely fits into memory and the time budget, as told without measuring anything: then all are
  /// measured, and there is nothing to plan.
  bool all_fit(std::int64_t pairs);
  /// Of cases that differ in the number of ranks alone. Measures rates when first asked for the dtype and heads.
  std::vector<CaseEffort> of(const std::vector<Case>& group);

 private:
  Effort measured(const Case& axes, std::size_t group_size);
  Effort rehearsed(const Case& axes, std::int64_t& rank);
  std::int64_t measured_bytes(const Case& axes, std::size_t group_size);
  double pass_factor() const;  ///< what a pass takes, of forward alone
  double input_ns(double elements, const Case& axes);
  double oracle_ns(const std::string& name, const Case& axes);

  const BenchOptions& options_;
  const BenchSetup& setup_;
  Workbench& bench_;
  CalibratedRates& rates_;
  std::int64_t free_bytes_;
  std::optional<double> element_ns_;  ///< to make one number of the inputs, on one core
  std::map<std::string, double> oracle_row_ns_;
};

}  // namespace ringattn
