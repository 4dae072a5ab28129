#include "measure/pass_price.h"

#include "measure/backward_price.h"
#include "plan/backward_cost.h"
#include "plan/cost.h"

#include <algorithm>

namespace ringattn {
namespace {

/// The largest sum of what the plan keeps at one time.
std::int64_t plan_bytes(const PeakPrice& price) {
  return price.state_bytes + std::max(price.buffer_bytes, price.result_bytes);
}
std::int64_t plan_bytes(const BackwardPeakPrice& price) {
  return price.state_bytes + std::max(price.buffer_bytes, price.result_bytes);
}

/// out in the inputs' type, and lse in the state's, which the mean of several pairs has none of.
std::int64_t result_bytes(const Plan& plan, const CostShape& shape) {
  const std::int64_t lse_bytes = plan.pattern.states == 1 ? shape.state_bytes : 0;
  return shape.batch * plan.rows * plan.pattern.function.heads * (shape.head_dim * shape.element_bytes + lse_bytes);
}

/// Adds what backward sends, receives and computes. K and V come again as they came, and once more where it computes
/// the pairs' own results first.
void add_backward(PassPrice& price, const Cost& forward, const BackwardCost& backward, std::int64_t tiles) {
  const std::int64_t times = backward.recompute_state_bytes > 0 ? 2 : 1;
  price.sent_bytes += backward.sent_bytes;
  price.received_bytes += backward.received_bytes;
  price.received_rows += times * forward.received_rows;
  price.received_other += backward.received_bytes - times * (forward.received_bytes - forward.received_mask_bytes);
  price.messages += backward.messages;
  price.flops += backward.flops;
  price.kernel_tiles += times * tiles;
}

}  // namespace

PassPrice pass_counts(RingAttention& attention, int rank, const PriceShape& shape, Pass pass) {
  const CostShape bytes = cost_shape(shape, attention.function());
  const Cost forward = cost_of(attention.plan(rank), bytes);
  PassPrice price{.sent_bytes = forward.sent_bytes,
                  .received_bytes = forward.received_bytes,
                  .received_rows = forward.received_rows,
                  .received_other = forward.received_mask_bytes,
                  .messages = forward.messages,
                  .flops = forward.flops,
                  .kernel_tiles = forward.kernel_tiles};
  if (pass == Pass::both)
    add_backward(price, forward, backward_cost_of(attention.plan(rank), attention.returns(rank), bytes),
                 forward.kernel_tiles);
  return price;
}

PassPrice price_pass(RingAttention& attention, int rank, const PriceShape& shape, Pass pass) {
  PassPrice price = pass_counts(attention, rank, shape, pass);
  const PeakPrice forward = price_peak(attention, rank, shape);
  price.peak_bytes = forward.peak_bytes();
  price.plan_bytes = plan_bytes(forward);
  price.kernel_bytes = forward.kernel_bytes;
  if (pass == Pass::forward) return price;
  const BackwardPeakPrice backward = price_backward_peak(attention, rank, shape);
  const std::int64_t kept = result_bytes(attention.plan(rank), cost_shape(shape, attention.function()));
  price.plan_bytes = std::max(price.plan_bytes, kept + plan_bytes(backward));
  price.peak_bytes = std::max(price.peak_bytes, kept + backward.peak_bytes());
  price.kernel_bytes = std::max(price.kernel_bytes, backward.kernel_bytes);
  return price;
}

}  // namespace ringattn
