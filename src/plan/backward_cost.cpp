#include "plan/backward_cost.h"

#include <algorithm>

namespace ringattn {
namespace {

/// dK and dV of one row of one head, for the whole batch.
std::int64_t row_bytes(const CostShape& shape) { return 2 * shape.batch * shape.head_dim * shape.state_bytes; }

/// The pairs' own results, `elements` each: a forward pass whose states end as results in the inputs' type.
void add_recomputation(BackwardCost& cost, const Plan& plan, const Cost& forward, std::int64_t elements,
                       const CostShape& shape) {
  cost.flops += forward.flops;
  cost.sent_bytes += forward.sent_bytes;
  cost.received_bytes += forward.received_bytes;
  cost.messages += forward.messages;
  cost.state_bytes += plan.pattern.states * elements * shape.element_bytes;
  cost.recompute_state_bytes = forward.state_bytes;
  if (shape.element_bytes != shape.state_bytes) cost.recompute_result_bytes = elements * shape.element_bytes;
}

}  // namespace

std::int64_t sum_bytes(const Step& step, const CostShape& shape) {
  std::int64_t rows = 0;
  for (const Region& region : step.regions) rows += region.rows * region.heads.size();
  return rows * row_bytes(shape);
}

std::int64_t incoming_bytes(const Return& exchange, const CostShape& shape) {
  std::int64_t rows = 0;
  for (const Transfer& transfer : exchange.receives) rows += transfer.rows();
  return rows * row_bytes(shape);
}

bool is_single_backward_call(const Plan& plan, const std::vector<Return>& returns) {
  if (!returns.empty() || !is_single_tile(plan)) return false;
  const PlanTile& tile = plan.steps.front().tiles.front();
  // A tile of some keys alone has derivatives of those alone.
  const bool reads_all_keys = tile.key_index.empty() && tile.key == Rows{.first = 0, .count = plan.rows};
  return reads_all_keys && plan.pattern.function.key_heads() == plan.pattern.function.heads;
}

BackwardCost backward_cost_of(const Plan& plan, const std::vector<Return>& returns, const CostShape& shape) {
  const Cost forward = cost_of(plan, shape);
  const AttentionFunction& function = plan.pattern.function;
  BackwardCost cost{.flops = 10 * shape.batch * shape.head_dim * forward.attended_pairs,
                    .received_bytes = forward.received_bytes,
                    .sent_bytes = forward.sent_bytes,
                    .messages = forward.messages,
                    .buffer_bytes = forward.buffer_bytes[0] + forward.buffer_bytes[1]};
  for (const Return& exchange : returns) {
    for (const Transfer& transfer : exchange.sends) cost.sent_gradient_bytes += transfer.rows() * row_bytes(shape);
    cost.received_bytes += incoming_bytes(exchange, shape);
    cost.messages += static_cast<std::int64_t>(exchange.sends.size());
    cost.incoming_bytes = std::max(cost.incoming_bytes, incoming_bytes(exchange, shape));
  }
  cost.sent_bytes += cost.sent_gradient_bytes;
  std::int64_t sums[2] = {0, 0};
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    std::int64_t& largest = sums[Plan::buffer_of(i)];
    largest = std::max(largest, sum_bytes(plan.steps[i], shape));
  }
  cost.sum_bytes = sums[0] + sums[1];
  const std::int64_t row_heads = shape.batch * plan.rows * function.heads;
  cost.state_bytes = plan.pattern.states * row_heads * shape.state_bytes;
  if (plan.pattern.states > 1) add_recomputation(cost, plan, forward, row_heads * shape.head_dim, shape);
  if (is_single_backward_call(plan, returns)) return cost;
  const std::int64_t elements = shape.batch * plan.rows * (function.heads + 2 * function.key_heads()) * shape.head_dim;
  cost.state_bytes += elements * shape.state_bytes;
  if (shape.element_bytes != shape.state_bytes) cost.result_bytes = elements * shape.element_bytes;
  return cost;
}

}  // namespace ringattn
