#pragma once

#include "plan/plan.h"

#include <vector>

namespace ringattn {

/// One exchange of derivatives in the backward pass. The derivative of a K/V row begins at 0 where the row left its
/// owner, goes the way that the row goes, each rank adding what its own queries contribute, and comes home from the
/// last rank of that way. So as many rows of derivatives move as rows of K and V, each once to each rank that needs the
/// row; and what a rank adds, and in which order, depends on nothing but the plan.
struct Return {
  int hop = 0;  ///< of the keys that are sent on or home; posted after the backward tiles of that hop
  /// Packed rows of the regions of step `hop`: to the next rank, and home to the source.
  std::vector<Transfer> sends;
  /// From the rank before: packed rows of the regions of step `hop` + 1, to which this rank adds its own. Home: own
  /// rows (RowSource::kOwn).
  std::vector<Transfer> receives;
};

/// The exchanges of the rank's backward pass, ascending by hop; hops that move nothing are left out. Cost: as
/// make_plan.
std::vector<Return> make_returns(const Plan& plan);

}  // namespace ringattn
