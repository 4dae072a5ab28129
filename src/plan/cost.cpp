#include "plan/cost.h"

#include <algorithm>

namespace ringattn {

std::int64_t region_bytes(const Step& step, const CostShape& shape) {
  std::int64_t rows = 0;
  for (const Region& region : step.regions) rows += region.rows * region.heads.size();
  return 2 * shape.batch * shape.head_dim * shape.element_bytes * rows;
}

bool is_single_tile(const Plan& plan) {
  std::size_t tiles = 0;
  for (const Step& step : plan.steps) tiles += step.tiles.size();
  if (tiles != 1 || plan.steps.front().tiles.empty() || plan.pattern.scale != 1.0) return false;
  const PlanTile& tile = plan.steps.front().tiles.front();
  const Rows everything{.first = 0, .count = plan.rows};
  return tile.query.segments == 1 && tile.query.count == plan.rows && tile.query == everything &&
         tile.heads == HeadRange{0, plan.pattern.function.heads};
}

Cost cost_of(const Plan& plan, const CostShape& shape) {
  Cost cost;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    for (const PlanTile& tile : step.tiles) cost.attended_pairs += tile.attended_pairs();
    for (const Transfer& transfer : step.receives) cost.received_rows += transfer.rows();
    for (const Transfer& transfer : step.sends) cost.sent_rows += transfer.rows();
    cost.messages += static_cast<std::int64_t>(step.sends.size());
    cost.hops += step.receives.empty() && step.sends.empty() ? 0 : 1;
    cost.kernel_tiles += static_cast<std::int64_t>(step.tiles.size());
    std::int64_t& buffer = cost.buffer_bytes[Plan::buffer_of(i)];
    buffer = std::max(buffer, region_bytes(step, shape));
  }
  const std::int64_t row_bytes = 2 * shape.batch * shape.head_dim * shape.element_bytes;
  cost.flops = 4 * shape.batch * shape.head_dim * cost.attended_pairs;
  cost.received_bytes = row_bytes * cost.received_rows;
  cost.sent_bytes = row_bytes * cost.sent_rows;
  if (!is_single_tile(plan)) {
    const std::int64_t row_heads = shape.batch * plan.rows * plan.pattern.function.heads;
    cost.state_bytes = row_heads * (shape.head_dim + 1) * shape.state_bytes;
    if (shape.element_bytes != shape.state_bytes) cost.result_bytes = row_heads * shape.head_dim * shape.element_bytes;
  }
  return cost;
}

}  // namespace ringattn
