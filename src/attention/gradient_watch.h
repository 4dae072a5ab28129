#pragma once

#include "attention/interface.h"
#include "attention/key_value.h"
#include "plan/plan.h"

#include <vector>

namespace ringattn {

/// Told what the derivatives of a rank have come to while its backward pass runs: on the rank's thread, and not on a
/// GPU. The tensors are those that go on being added to: (batch, rows, heads, dim) in the state's type, or what the
/// kernel returned where one call is the result.
class GradientWatch {
 public:
  virtual ~GradientWatch() = default;
  /// After a step's tiles and what came for it, before it is passed on. `running`: dq of the rank's rows, over the keys
  /// of the hops so far; dk and dv of its rows, over its own queries and those of ranks from which sums have come home.
  /// `regions`: the sums of the step's regions, over this rank's queries and those of the ranks that the row came by.
  virtual void after_step(const Step& step, const Gradients& running, const std::vector<KeyValue>& regions) = 0;
  /// After the exchange of hop `hop` (Return) has come in: the sums of the rank's own rows.
  virtual void after_return(int hop, const KeyValue& own) = 0;
};

}  // namespace ringattn
