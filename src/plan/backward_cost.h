#pragma once

#include "plan/cost.h"
#include "plan/returns.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// The price of one rank's backward pass, above query, key, value, out, lse, their mask and the derivative after out:
/// exact, as Cost is. K and V travel as in the forward pass; derivatives of as many rows travel in the state's type.
/// Under join mean of several pairs their own results are computed first, by a forward pass (`recomputed`).
struct BackwardCost {
  std::int64_t flops = 0;  ///< 10 · batch · head_dim · attended pairs: five products, a multiply and an add each
  std::int64_t received_bytes = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t sent_gradient_bytes = 0;  ///< what of it is derivatives
  std::int64_t messages = 0;             ///< sent
  /// dq, and dk and dv of own rows, in the state's type: batch · rows · (heads + 2 · key heads) · head_dim; the lse
  /// that kernels are given, batch · rows · heads, one for each state; and the recomputed results.
  std::int64_t state_bytes = 0;
  std::int64_t buffer_bytes = 0;    ///< received K and V: both receive buffers of the forward pass
  std::int64_t sum_bytes = 0;       ///< derivatives of received rows, two buffers that steps use in turn
  std::int64_t incoming_bytes = 0;  ///< derivatives that arrive, as many as the largest exchange brings
  std::int64_t result_bytes = 0;    ///< dq, dk, dv in the inputs' type where that is not the state's
  /// The peak of the forward pass before it, kernels apart; 0 where there is none.
  std::int64_t recompute_state_bytes = 0;
  std::int64_t recompute_result_bytes = 0;
};

BackwardCost backward_cost_of(const Plan& plan, const std::vector<Return>& returns, const CostShape& shape);

/// Bytes of the derivatives of one step's regions, and of what one exchange brings.
std::int64_t sum_bytes(const Step& step, const CostShape& shape);
std::int64_t incoming_bytes(const Return& exchange, const CostShape& shape);

/// Whether the plan is one tile over all of the rank's rows, keys and heads, each with a key head of its own, and nobody
/// else reads the rank's keys: then what the kernel returns are the derivatives, and no sums are kept.
bool is_single_backward_call(const Plan& plan, const std::vector<Return>& returns);

}  // namespace ringattn
