#include "measure/backward_price.h"

#include "attention/backward_executor.h"
#include "attention/tile_call.h"
#include "measure/buffered_peak.h"
#include "measure/lone_call.h"
#include "plan/backward_cost.h"

#include <algorithm>
#include <map>
#include <vector>

namespace ringattn {
namespace {

/// Rows of out, its derivative and lse that are packed beside the queries.
std::int64_t packed_result_bytes(const PlanTile& tile, const CostShape& shape) {
  const std::int64_t rows = shape.batch * tile.query_index.size() * tile.heads.size();
  return rows * (2 * shape.head_dim * shape.element_bytes + shape.state_bytes);
}

/// Whether the rows of a call don't lie one after another in a rank's out, or in what is packed of it.
bool are_apart(const Plan& plan, const PlanTile& tile, const TileCall& call) {
  const bool is_packed = !tile.query_index.empty();
  const std::int64_t heads = is_packed ? tile.heads.size() : plan.pattern.function.heads;
  const std::int64_t all = is_packed ? tile.query_index.size() : plan.rows;
  const Rows& rows = call.query;
  const std::int64_t batch_rows = rows.segments > 1 ? rows.segment_stride : all;
  if (rows.count > 1 && rows.step * heads != call.heads.size()) return true;
  return call.batches() > 1 && batch_rows * heads != rows.count * call.heads.size();
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
                          .buffer_bytes = cost.sum_bytes + cost.incoming_bytes,
                          .kernel_bytes = 0,
                          .result_bytes = cost.result_bytes};
  if (cost.recompute_state_bytes > 0) {
    const PeakPrice forward = price_peak(attention, rank, shape);
    price.recompute_bytes =
        cost.recompute_state_bytes + std::max(forward.buffer_bytes + forward.kernel_bytes, cost.recompute_result_bytes);
  }
  // Per row and head: grad_out, and out where it must be given to the kernel without the plan's scale.
  const bool is_unscaled = plan.pattern.scale != 1.0 && plan.pattern.states == 1;
  const bool on_cpu = shape.device.is_cpu(), is_single = is_single_backward_call(plan, returns);
  const std::int64_t copies = (is_single || !on_cpu ? 0 : 1) + (is_unscaled ? 1 : 0);
  const std::int64_t row_bytes = copies * shape.head_dim * bytes.element_bytes;
  std::map<LoneCall, std::int64_t> known;
  const ExecutorOptions options = attention.executor_options();
  const std::vector<std::int64_t> buffers =
      live_buffer_bytes(plan, bytes, options.buffers, options.overlap_communication);
  BufferedPeak peak;
  std::int64_t end_kernel_bytes = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    std::int64_t step_kernel_bytes = 0;
    for (const PlanTile& tile : step.tiles) {
      const CallLimits limits =
          backward_call_limits(plan, returns, tile, backward_threads(shape.device), shape.mask_batch);
      std::int64_t at_once = 0, at_end = 0;
      for (const TileCall& call : tile_calls(tile, shape.batch, shape.head_dim, limits)) {
        LoneCall lone = lone_call(function, tile, call, shape.head_dim, shape.mask_batch);
        lone.grad_is_apart = !on_cpu && are_apart(plan, tile, call);
        lone.out_is_apart = lone.grad_is_apart && !is_unscaled;
        if (!known.contains(lone))
          known[lone] = lone_backward_bytes(attention.backend(), lone, shape.dtype, shape.device);
        const std::int64_t places = on_cpu ? 0 : bias_place_bytes(function, tile.rule, call);
        std::int64_t& largest = is_kept_for_the_end(call, limits) ? at_end : at_once;
        largest = std::max(largest, known[lone] + lone.bias.bytes(bytes.state_bytes) + places +
                                        lone.batches * lone.heads * lone.rows * row_bytes);
      }
      const std::int64_t packed = packed_bytes(tile, bytes, function, shape.device) + packed_result_bytes(tile, bytes);
      step_kernel_bytes = std::max(step_kernel_bytes, packed + at_once);
      end_kernel_bytes = std::max(end_kernel_bytes, packed + at_end);
    }
    peak.meet(buffers[i], step_kernel_bytes);
  }
  peak.meet(0, end_kernel_bytes);  // when the calls that are kept for the end run, the receive buffers are gone
  peak.meet(exchange_buffer_bytes(plan, bytes, options.buffers), 0);
  price.buffer_bytes += peak.buffer_bytes;
  price.kernel_bytes = peak.kernel_bytes;
  return price;
}

}  // namespace ringattn
