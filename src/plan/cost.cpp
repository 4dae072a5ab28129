#include "plan/cost.h"

#include <algorithm>

namespace ringattn {

namespace {

std::int64_t mask_row_bytes(const CostShape& shape) { return shape.mask_batch * shape.mask_bytes; }

/// Bias of a whole tile could be as large as its scores, and packed queries have a result of their own.
bool is_plain(const PlanTile& tile, const AttentionFunction& function) {
  return tile.rule != MaskRule::positions && function.mask.kind != MaskKind::scores && tile.query_index.empty();
}

}  // namespace

std::int64_t region_bytes(const Step& step, const CostShape& shape) {
  std::int64_t bytes = 0;
  for (const Region& region : step.regions)
    bytes += region.rows *
             (2 * shape.batch * shape.head_dim * shape.element_bytes * region.heads.size() + mask_row_bytes(shape));
  return bytes;
}

bool is_single_tile(const Plan& plan) {
  std::size_t tiles = 0;
  for (const Step& step : plan.steps) tiles += step.tiles.size();
  if (tiles != 1 || plan.steps.front().tiles.empty() || plan.pattern.scale != 1.0) return false;
  const AttentionFunction& function = plan.pattern.function;
  const PlanTile& tile = plan.steps.front().tiles.front();
  const Rows everything{.first = 0, .count = plan.rows};
  // One call reads one key head a query head, or one key head for all.
  const bool is_one_call = function.key_heads() == function.heads || function.key_heads() == 1;
  return is_one_call && is_plain(tile, function) && tile.query == everything &&
         tile.heads == HeadRange{0, function.heads};
}

Cost cost_of(const Plan& plan, const CostShape& shape) {
  Cost cost;
  std::int64_t sent_mask_bytes = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    for (const PlanTile& tile : step.tiles) cost.attended_pairs += tile.attended_pairs();
    for (const Transfer& transfer : step.receives) {
      cost.received_rows += transfer.rows();
      cost.received_mask_bytes += mask_row_bytes(shape) * transfer.positions();
    }
    for (const Transfer& transfer : step.sends) {
      cost.sent_rows += transfer.rows();
      sent_mask_bytes += mask_row_bytes(shape) * transfer.positions();
    }
    cost.messages += static_cast<std::int64_t>(step.sends.size());
    cost.hops += step.receives.empty() && step.sends.empty() ? 0 : 1;
    cost.kernel_tiles += static_cast<std::int64_t>(step.tiles.size());
    std::int64_t& buffer = cost.buffer_bytes[Plan::buffer_of(i)];
    buffer = std::max(buffer, region_bytes(step, shape));
  }
  const std::int64_t row_bytes = 2 * shape.batch * shape.head_dim * shape.element_bytes;
  cost.flops = 4 * shape.batch * shape.head_dim * cost.attended_pairs;
  cost.received_bytes = row_bytes * cost.received_rows + cost.received_mask_bytes;
  cost.sent_bytes = row_bytes * cost.sent_rows + sent_mask_bytes;
  if (!is_single_tile(plan)) {
    const std::int64_t row_heads = shape.batch * plan.rows * plan.pattern.function.heads;
    cost.state_bytes = plan.pattern.states * row_heads * (shape.head_dim + 1) * shape.state_bytes;
    // Under join mean the other pairs' states are gone before the result is rounded, and it is smaller than they were.
    if (shape.element_bytes != shape.state_bytes && plan.pattern.states == 1)
      cost.result_bytes = row_heads * shape.head_dim * shape.element_bytes;
  }
  return cost;
}

}  // namespace ringattn
