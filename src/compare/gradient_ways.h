#pragma once

#include "plan/plan.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn {

/// The ways of K/V rows round the ring, by what plans say lies in the regions of their steps: the derivative of a row
/// begins where its way does, each rank of the way adds its own queries' part, and the last one sends the sum home.
/// Everything by row of the owner, ascending, and key head: bool (rows, key heads). Ranks modulo their number.
class GradientWays {
 public:
  /// The plans of all ranks, in their order.
  explicit GradientWays(const std::vector<const Plan*>& plans);

  /// The rows that rank `owner` + `hop` holds at that hop, hop > 0.
  const at::Tensor& held(int owner, int hop) const;
  /// The rows whose sum, as it lies on rank `owner` + `at` at that hop, has the part of rank `owner` + `from`, 0 < from
  /// <= at: those that each rank from the one to the other holds.
  at::Tensor on_the_way(int owner, int from, int at) const;
  /// The rows whose part of rank `owner` + `from` is home once the exchange of hop `hop` has come in: those whose way
  /// ends between `from` and `hop`.
  at::Tensor home(int owner, int from, int hop) const;

 private:
  int ranks_;
  std::vector<std::vector<at::Tensor>> held_;  ///< [owner][hop - 1]
};

}  // namespace ringattn
