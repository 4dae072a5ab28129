#include "measure/backward_price.h"

#include "attention/tile_call.h"
#include "measure/lone_call.h"
#include "plan/backward_cost.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>

namespace ringattn {
namespace {

/// Rows of out, its derivative and lse that are packed beside the queries.
std::int64_t packed_result_bytes(const PlanTile& tile, const CostShape& shape) {
  const std::int64_t rows = shape.batch * tile.query_index.size() * tile.heads.size();
  return rows * (2 * shape.head_dim * shape.element_bytes + shape.state_bytes);
}

}  // namespace

std::int64_t BackwardPeakPrice::peak_bytes() const {
  return std::max(recompute_bytes, state_bytes + std::max(buffer_bytes + kernel_bytes, result_bytes));
}

BackwardPeakPrice price_backward_peak(RingAttention& attention, int rank, const PriceShape& shape) {
  const Plan& plan = attention.plan(rank);
  const std::vector<Return>& returns = attention.returns(rank);
  const AttentionFunction& function = attention.function();
  const CostShape bytes = cost_shape(shape, function);
  const BackwardCost cost = backward_cost_of(plan, returns, bytes);
  BackwardPeakPrice price{.state_bytes = cost.state_bytes,
                          .buffer_bytes = cost.buffer_bytes + cost.sum_bytes + cost.incoming_bytes,
                          .kernel_bytes = 0,
                          .result_bytes = cost.result_bytes};
  if (cost.recompute_state_bytes > 0) {
    const PeakPrice forward = price_peak(attention, rank, shape);
    price.recompute_bytes =
        cost.recompute_state_bytes + std::max(forward.buffer_bytes + forward.kernel_bytes, cost.recompute_result_bytes);
  }
  // Per row and head: grad_out, and out where it must be given to the kernel without the plan's scale.
  const bool is_unscaled = plan.pattern.scale != 1.0 && plan.pattern.states == 1;
  const std::int64_t copies = (is_single_backward_call(plan, returns) ? 0 : 1) + (is_unscaled ? 1 : 0);
  const std::int64_t row_bytes = copies * shape.head_dim * bytes.element_bytes;
  std::map<LoneCall, std::int64_t> known;
  for (const Step& step : plan.steps) {
    for (const PlanTile& tile : step.tiles) {
      const CallLimits limits = backward_call_limits(plan, returns, tile, at::get_num_threads(), shape.mask_batch);
      std::int64_t largest = 0;
      for (const TileCall& call : tile_calls(tile, shape.batch, shape.head_dim, limits)) {
        const LoneCall lone = lone_call(function, tile, call, shape.head_dim, shape.mask_batch);
        if (!known.contains(lone))
          known[lone] = lone_backward_bytes(attention.backend(), lone, shape.dtype, shape.device);
        largest = std::max(largest, known[lone] + lone.bias.bytes(bytes.state_bytes) +
                                        lone.batches * lone.heads * lone.rows * row_bytes);
      }
      price.kernel_bytes = std::max(price.kernel_bytes, packed_bytes(tile, bytes, function, shape.device) +
                                                            packed_result_bytes(tile, bytes) + largest);
    }
  }
  return price;
}

}  // namespace ringattn
