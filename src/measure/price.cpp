#include "measure/price.h"

#include "attention/running_state.h"
#include "attention/state_book.h"
#include "attention/tile_call.h"
#include "measure/buffered_peak.h"
#include "measure/lone_call.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace ringattn {

std::int64_t packed_bytes(const PlanTile& tile, const CostShape& shape, const AttentionFunction& function,
                          const at::Device& device) {
  const std::int64_t head_bytes = shape.batch * shape.head_dim * shape.element_bytes;
  const std::int64_t key_heads = key_heads_of(tile.heads, function).size();
  const std::int64_t number_bytes = device.is_cpu() ? 0 : static_cast<std::int64_t>(sizeof(std::int64_t));
  return (tile.query_index.size() + tile.key_index.size()) * number_bytes +
         tile.query_index.size() * tile.heads.size() * head_bytes +
         tile.key_index.size() * (2 * key_heads * head_bytes + shape.mask_batch * shape.mask_bytes);
}

std::int64_t PeakPrice::peak_bytes() const { return state_bytes + std::max(buffer_bytes + kernel_bytes, result_bytes); }

PriceShape price_shape(const RankInputs& inputs) {
  PriceShape shape{.batch = inputs.query.size(0),
                   .head_dim = inputs.query.size(3),
                   .dtype = inputs.query.scalar_type(),
                   .device = inputs.query.device()};
  if (inputs.mask.defined()) {
    shape.mask_batch = inputs.mask.size(0);
    shape.mask_bytes = inputs.mask.element_size();
  }
  return shape;
}

PriceShape price_shape(const InputSource& inputs, at::ScalarType dtype) {
  PriceShape shape{.batch = inputs.batch(),
                   .head_dim = inputs.head_dim(),
                   .dtype = dtype,
                   .device = at::Device(inputs.device_type())};
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

namespace {

/// What is alive on a GPU while a rank executes its plan, step by step as DeviceState goes.
class DevicePrice {
 public:
  DevicePrice(const Plan& plan, const CostShape& shape) : book_(plan) {
    const std::int64_t rows = shape.batch * plan.rows * plan.pattern.function.heads;
    lse_bytes_ = rows * shape.state_bytes;
    state_bytes_ = rows * shape.head_dim * shape.state_bytes;
    result_bytes_ = rows * shape.head_dim * shape.element_bytes;
  }

  /// One call of a tile, beside whose packed rows it needs `call` and leaves a partial.
  void add(std::size_t tile, const TileCall& part, bool is_list, std::int64_t packed, std::int64_t call_bytes,
           std::int64_t partial_bytes) {
    meet(live() + packed + call_bytes);
    const std::int64_t first = book_.has_first() ? first_bytes_ : 0;
    const StateBook::Merge merge = book_.merge(tile, part.heads, part.query, is_list);
    meet(without_first() + first + packed + partial_bytes);
    const bool is_kept = !merge.moves.empty() && merge.moves.front().to == StateBook::Place::first;
    if (is_kept) first_bytes_ = partial_bytes;
  }

  /// The peak with buffers of these bytes, which are gone before the end.
  std::int64_t peak_bytes(std::int64_t buffer_bytes) {
    const std::int64_t in_steps = std::max(peak_, live()) + buffer_bytes;
    const std::int64_t first = book_.has_first() ? first_bytes_ : 0;
    (void)book_.finish();
    return std::max(in_steps, without_first() + first);
  }

 private:
  std::int64_t without_first() const {
    return lse_bytes_ + (book_.has_state() ? state_bytes_ : 0) + (book_.has_result() ? result_bytes_ : 0);
  }
  std::int64_t live() const { return without_first() + (book_.has_first() ? first_bytes_ : 0); }
  void meet(std::int64_t bytes) { peak_ = std::max(peak_, bytes); }

  StateBook book_;
  std::int64_t lse_bytes_ = 0;
  std::int64_t state_bytes_ = 0;
  std::int64_t result_bytes_ = 0;
  std::int64_t first_bytes_ = 0;
  std::int64_t peak_ = 0;
};

}  // namespace

PeakPrice price_peak(RingAttention& attention, int rank, const PriceShape& shape) {
  const Plan& plan = attention.plan(rank);
  const AttentionFunction& function = attention.function();
  const CostShape bytes = cost_shape(shape, function);
  const Cost cost = cost_of(plan, bytes);
  const ExecutorOptions options = attention.executor_options();
  const std::int64_t limit = partial_bytes_limit(options, shape.device);
  const std::vector<std::int64_t> buffers =
      live_buffer_bytes(plan, bytes, options.buffers, options.overlap_communication);
  const std::int64_t always = shape.device.is_cpu() ? 0 : *std::max_element(buffers.begin(), buffers.end());
  BufferedPeak peak{.buffer_bytes = always};
  std::map<LoneCall, LoneUse> known;
  std::optional<DevicePrice> on_device;
  if (!shape.device.is_cpu() && plan.pattern.states == 1 && !is_single_tile(plan)) on_device.emplace(plan, bytes);
  std::size_t number = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    std::int64_t step_kernel_bytes = 0;
    for (const PlanTile& tile : step.tiles) {
      const CallLimits limits = call_limits(plan, tile, limit, shape.mask_batch);
      const std::int64_t packed = packed_bytes(tile, bytes, function, shape.device);
      std::int64_t largest = 0;
      for (const TileCall& call : tile_calls(tile, shape.batch, shape.head_dim, limits)) {
        const LoneCall lone = lone_call(function, tile, call, shape.head_dim, shape.mask_batch);
        if (!known.contains(lone)) known[lone] = lone_use(attention.backend(), lone, shape.dtype, shape.device);
        const std::int64_t places = shape.device.is_cpu() ? 0 : bias_place_bytes(function, tile.rule, call);
        const std::int64_t call_bytes = known[lone].peak_bytes + lone.bias.bytes(bytes.state_bytes) + places;
        largest = std::max(largest, call_bytes);
        if (on_device)
          on_device->add(number, call, !tile.query_index.empty(), packed, call_bytes, known[lone].result_bytes);
      }
      step_kernel_bytes = std::max(step_kernel_bytes, packed + largest);
      ++number;
    }
    // On a GPU buffers are taken for alive all the time.
    peak.meet(shape.device.is_cpu() ? buffers[i] : always, step_kernel_bytes);
  }
  peak.meet(exchange_buffer_bytes(plan, bytes, options.buffers), 0);
  PeakPrice price{.state_bytes = cost.state_bytes,
                  .buffer_bytes = peak.buffer_bytes,
                  .kernel_bytes = peak.kernel_bytes,
                  .result_bytes = cost.result_bytes};
  if (on_device) {
    price.result_bytes = 0;
    price.state_bytes = on_device->peak_bytes(price.buffer_bytes) - price.buffer_bytes - price.kernel_bytes;
  }
  return price;
}

}  // namespace ringattn
