#pragma once

#include "report/report.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// What running a case one way takes.
struct Effort {
  std::string why_not{};  ///< it cannot be run so; "" where it can
  double once_ns = 0.0;   ///< inputs, the metered pass and the oracle, whatever is timed
  double pass_ns = 0.0;   ///< one timed pass of all implementations
};

/// One case of a bench before anything has run.
struct CaseEffort {
  std::string id{};
  Effort measured{};
  Effort rehearsed{};     ///< of one rank
  std::int64_t rank = 0;  ///< that one
};

/// What a bench may spend.
struct BenchAllowance {
  std::int64_t pairs = 0;    ///< asked for; 0: nothing is timed
  std::int64_t warmups = 1;  ///< untimed passes before them
  double budget_ns = 0.0;    ///< for all cases together
};

/// A row with fewer pairs than this says nothing about time.
inline constexpr std::int64_t planned_pairs_min = 3;

/// How each case of each group is run, in the order given: cases of a group are measured together, as they are timed
/// together. From the cheapest group to the dearest, each may spend an even share of what is left:
///   measured   where memory and share hold all ranks, in as many pairs as the share allows (at least three);
///   rehearsed  else, where they hold one rank of the case, timed if the share allows it;
///   priced     else.
std::vector<PlannedRecord> plan_bench(const std::vector<std::vector<CaseEffort>>& groups,
                                      const BenchAllowance& allowance);

}  // namespace ringattn
