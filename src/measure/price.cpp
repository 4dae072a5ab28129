#include "measure/price.h"

#include "attention/running_state.h"
#include "attention/tile_call.h"
#include "measure/lone_call.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

namespace ringattn {

std::int64_t packed_bytes(const PlanTile& tile, const CostShape& shape, const AttentionFunction& function) {
  const std::int64_t head_bytes = shape.batch * shape.head_dim * shape.element_bytes;
  const std::int64_t key_heads = key_heads_of(tile.heads, function).size();
  return tile.query_index.size() * tile.heads.size() * head_bytes +
         tile.key_index.size() * (2 * key_heads * head_bytes + shape.mask_batch * shape.mask_bytes);
}

std::int64_t PeakPrice::peak_bytes() const { return state_bytes + std::max(buffer_bytes + kernel_bytes, result_bytes); }

PriceShape price_shape(const RankInputs& inputs) {
  PriceShape shape{
      .batch = inputs.query.size(0), .head_dim = inputs.query.size(3), .dtype = inputs.query.scalar_type()};
  if (inputs.mask.defined()) {
    shape.mask_batch = inputs.mask.size(0);
    shape.mask_bytes = inputs.mask.element_size();
  }
  return shape;
}

PriceShape price_shape(const InputSource& inputs, at::ScalarType dtype) {
  PriceShape shape{.batch = inputs.batch(), .head_dim = inputs.head_dim(), .dtype = dtype};
  if (inputs.mask_shape().kind == MaskKind::none) return shape;
  const at::Tensor one_row = inputs.mask({{.first = 0, .count = 1}});
  shape.mask_batch = one_row.size(0);
  shape.mask_bytes = one_row.element_size();
  return shape;
}

CostShape cost_shape(const PriceShape& shape, const AttentionFunction& function) {
  const bool travels = function.mask.kind == MaskKind::keys;
  return {.batch = shape.batch,
          .head_dim = shape.head_dim,
          .element_bytes = static_cast<std::int64_t>(c10::elementSize(shape.dtype)),
          .state_bytes = static_cast<std::int64_t>(c10::elementSize(state_dtype(shape.dtype))),
          .mask_batch = travels ? shape.mask_batch : 0,
          .mask_bytes = shape.mask_bytes};
}

PeakPrice price_peak(RingAttention& attention, int rank, const PriceShape& shape) {
  const Plan& plan = attention.plan(rank);
  const AttentionFunction& function = attention.function();
  const CostShape bytes = cost_shape(shape, function);
  const Cost cost = cost_of(plan, bytes);
  PeakPrice price{.state_bytes = cost.state_bytes,
                  .buffer_bytes = cost.buffer_bytes[0] + cost.buffer_bytes[1],
                  .kernel_bytes = 0,
                  .result_bytes = cost.result_bytes};
  const std::int64_t limit = partial_bytes_limit(attention.executor_options());
  std::map<LoneCall, std::int64_t> known;
  for (const Step& step : plan.steps) {
    for (const PlanTile& tile : step.tiles) {
      const CallLimits limits = call_limits(plan, tile, limit, shape.mask_batch);
      std::int64_t largest = 0;
      for (const TileCall& call : tile_calls(tile, shape.batch, shape.head_dim, limits)) {
        const LoneCall lone = lone_call(function, tile, call, shape.head_dim, shape.mask_batch);
        if (!known.contains(lone)) known[lone] = lone_call_bytes(attention.backend(), lone, shape.dtype);
        largest = std::max(largest, known[lone] + lone.bias.bytes(bytes.state_bytes));
      }
      price.kernel_bytes = std::max(price.kernel_bytes, packed_bytes(tile, bytes, function) + largest);
    }
  }
  return price;
}

}  // namespace ringattn
