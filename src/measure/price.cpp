#include "measure/price.h"

#include "attention/running_state.h"
#include "attention/tile_call.h"
#include "measure/memory_meter.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

namespace ringattn {
namespace {

at::Tensor zeros_for(std::int64_t batches, std::int64_t heads, std::int64_t rows, std::int64_t dim,
                     at::ScalarType dtype) {
  return at::zeros({batches, rows, heads, dim}, at::TensorOptions().dtype(dtype)).transpose(1, 2);
}

/// Keys that lie irregularly are gathered for the tile: K and V rows of the region's heads, and the index itself.
std::int64_t gather_bytes(const PlanTile& tile, const CostShape& shape) {
  if (tile.key_index.empty()) return 0;
  return tile.keys() * (2 * shape.batch * tile.heads.size() * shape.head_dim * shape.element_bytes + 8);
}

}  // namespace

std::int64_t lone_call_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype) {
  const BlockInputs inputs{.query = zeros_for(call.batches, call.heads, call.rows, call.head_dim, dtype),
                           .key = zeros_for(call.batches, call.heads, call.keys, call.head_dim, dtype),
                           .value = zeros_for(call.batches, call.heads, call.keys, call.head_dim, dtype),
                           .rule = call.rule,
                           .softmax_scale = 1.0};
  const MemoryMeter meter;
  const Partial partial = backend.forward(inputs);
  return meter.use().peak_bytes;
}

std::int64_t PeakPrice::peak_bytes() const { return state_bytes + std::max(buffer_bytes + kernel_bytes, result_bytes); }

CostShape cost_shape(std::int64_t batch, std::int64_t head_dim, at::ScalarType dtype) {
  return {.batch = batch,
          .head_dim = head_dim,
          .element_bytes = static_cast<std::int64_t>(c10::elementSize(dtype)),
          .state_bytes = static_cast<std::int64_t>(c10::elementSize(state_dtype(dtype)))};
}

PeakPrice price_peak(RingAttention& attention, int rank, std::int64_t batch, std::int64_t head_dim,
                     at::ScalarType dtype) {
  const Plan& plan = attention.plan(rank);
  const CostShape shape = cost_shape(batch, head_dim, dtype);
  const Cost cost = cost_of(plan, shape);
  PeakPrice price{.state_bytes = cost.state_bytes,
                  .buffer_bytes = cost.buffer_bytes[0] + cost.buffer_bytes[1],
                  .kernel_bytes = 0,
                  .result_bytes = cost.result_bytes};
  const std::int64_t limit = is_single_tile(plan) ? 0 : partial_bytes_limit(attention.executor_options());
  std::map<LoneCall, std::int64_t> known;
  for (const Step& step : plan.steps) {
    for (const PlanTile& tile : step.tiles) {
      for (const TileCall& call : tile_calls(tile, batch, head_dim, limit)) {
        const LoneCall lone{call.batches(), call.heads.size(), call.query.count, tile.keys(), head_dim, tile.rule};
        if (!known.contains(lone)) known[lone] = lone_call_bytes(attention.backend(), lone, dtype);
        price.kernel_bytes = std::max(price.kernel_bytes, known[lone] + gather_bytes(tile, shape));
      }
    }
  }
  return price;
}

}  // namespace ringattn
