#include "measure/price.h"

#include "attention/running_state.h"
#include "attention/state_book.h"
#include "attention/tile_call.h"
#include "measure/memory_meter.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

namespace ringattn {
namespace {

at::Tensor zeros_for(std::int64_t batches, std::int64_t heads, std::int64_t rows, std::int64_t dim,
                     const at::TensorOptions& options) {
  return at::zeros({batches, rows, heads, dim}, options).transpose(1, 2);
}

at::Tensor key_zeros(const LoneCall& call, const at::TensorOptions& options) {
  if (!call.shares_key_head) return zeros_for(call.batches, call.heads, call.keys, call.head_dim, options);
  return zeros_for(call.batches, 1, call.keys, call.head_dim, options).expand({-1, call.heads, -1, -1});
}

/// Rows that lie irregularly are packed for the tile: queries of its heads, K and V of its key heads, and the keys'
/// mask. A GPU is told their numbers.
std::int64_t packed_bytes(const PlanTile& tile, const CostShape& shape, const AttentionFunction& function,
                          const at::Device& device) {
  const std::int64_t head_bytes = shape.batch * shape.head_dim * shape.element_bytes;
  const std::int64_t key_heads = key_heads_of(tile.heads, function).size();
  const std::int64_t number_bytes = device.is_cpu() ? 0 : static_cast<std::int64_t>(sizeof(std::int64_t));
  return (tile.query_index.size() + tile.key_index.size()) * number_bytes +
         tile.query_index.size() * tile.heads.size() * head_bytes +
         tile.key_index.size() * (2 * key_heads * head_bytes + shape.mask_batch * shape.mask_bytes);
}

LoneCall lone_call(const AttentionFunction& function, const PlanTile& tile, const TileCall& call,
                   const PriceShape& shape) {
  return {.batches = call.batches(),
          .heads = call.heads.size(),
          .rows = call.query.count,
          .keys = call.key.count,
          .head_dim = shape.head_dim,
          .rule = tile.rule == MaskRule::positions ? MaskRule::full : tile.rule,
          .bias = bias_shape(function, tile.rule, call, shape.mask_batch),
          .drops = function.dropout > 0.0,
          .shares_key_head = key_heads_of(call.heads, function).size() < call.heads.size()};
}

std::vector<std::int64_t> counted(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

namespace {

/// What a call allocates at its peak, and what is left of it in its result.
struct LoneUse {
  std::int64_t peak_bytes = 0;
  std::int64_t result_bytes = 0;
};

LoneUse lone_use(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype, at::Device device) {
  const at::TensorOptions type = at::TensorOptions().dtype(dtype).device(device);
  BlockInputs inputs{.query = zeros_for(call.batches, call.heads, call.rows, call.head_dim, type),
                     .key = key_zeros(call, type),
                     .value = key_zeros(call, type),
                     .rule = call.rule,
                     .softmax_scale = 1.0};
  const BiasShape& bias = call.bias;
  if (bias.copies > 0) {
    const auto options = type.dtype(state_dtype(dtype));
    inputs.bias = at::zeros({bias.copies, bias.heads, bias.rows, bias.keys}, options);
    inputs.empty_rows = at::zeros({bias.copies, bias.heads, bias.empty_rows}, options.dtype(at::kBool));
  }
  const std::vector<std::int64_t> rows = counted(call.rows), keys = counted(call.keys);
  if (call.drops) inputs.dropout = BlockDropout{kernels::dropout_rule(0.5, 0), 0, 0, rows, keys};
  // On a GPU the first call of a library on a thread also allocates what all later ones share.
  if (!device.is_cpu()) (void)backend.forward(inputs);
  const MemoryMeter meter(device);
  const Partial partial = backend.forward(inputs);
  const MemoryUse use = meter.use();
  return {use.peak_bytes, use.live_bytes};
}

/// Above so many rows the library's CPU kernel is not asked: out and lse grow by the row, and its own buffers, which
/// are of blocks of at most 256 rows and 512 keys a thread, no longer do.
constexpr std::int64_t kLoneRowsMax = 8192;

/// What lone_use() says, without computing a tile of hundreds of thousands of rows for it.
LoneUse quick_use(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype, at::Device device) {
  const bool is_linear = device.is_cpu() && backend.name() == "sdpa" && call.bias.copies == 0 && !call.drops;
  if (!is_linear || call.rows <= kLoneRowsMax) return lone_use(backend, call, dtype, device);
  const auto of_rows = [&](std::int64_t rows) {
    LoneCall smaller = call;
    smaller.rows = rows;
    smaller.keys = call.rule == MaskRule::causal ? rows : std::min(call.keys, kLoneRowsMax);
    return lone_use(backend, smaller, dtype, device);
  };
  const LoneUse half = of_rows(kLoneRowsMax / 2), whole = of_rows(kLoneRowsMax);
  const auto at_rows = [&](std::int64_t LoneUse::*bytes) {
    return whole.*bytes + (whole.*bytes - half.*bytes) / (kLoneRowsMax / 2) * (call.rows - kLoneRowsMax);
  };
  return {at_rows(&LoneUse::peak_bytes), at_rows(&LoneUse::result_bytes)};
}

}  // namespace

std::int64_t lone_call_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype,
                             at::Device device) {
  return quick_use(backend, call, dtype, device).peak_bytes;
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
  PeakPrice price{.state_bytes = cost.state_bytes,
                  .buffer_bytes = cost.buffer_bytes[0] + cost.buffer_bytes[1],
                  .kernel_bytes = 0,
                  .result_bytes = cost.result_bytes};
  const std::int64_t limit = partial_bytes_limit(attention.executor_options(), shape.device);
  std::map<LoneCall, LoneUse> known;
  std::optional<DevicePrice> on_device;
  if (!shape.device.is_cpu() && plan.pattern.states == 1 && !is_single_tile(plan)) on_device.emplace(plan, bytes);
  std::size_t number = 0;
  for (const Step& step : plan.steps) {
    for (const PlanTile& tile : step.tiles) {
      const CallLimits limits = call_limits(plan, tile, limit, shape.mask_batch);
      const std::int64_t packed = packed_bytes(tile, bytes, function, shape.device);
      std::int64_t largest = 0;
      for (const TileCall& call : tile_calls(tile, shape.batch, shape.head_dim, limits)) {
        const LoneCall lone = lone_call(function, tile, call, shape);
        if (!known.contains(lone)) known[lone] = quick_use(attention.backend(), lone, shape.dtype, shape.device);
        const std::int64_t places = shape.device.is_cpu() ? 0 : bias_place_bytes(function, tile.rule, call);
        const std::int64_t call_bytes = known[lone].peak_bytes + lone.bias.bytes(bytes.state_bytes) + places;
        largest = std::max(largest, call_bytes);
        if (on_device)
          on_device->add(number, call, !tile.query_index.empty(), packed, call_bytes, known[lone].result_bytes);
      }
      price.kernel_bytes = std::max(price.kernel_bytes, packed + largest);
      ++number;
    }
  }
  if (on_device) {
    price.result_bytes = 0;
    price.state_bytes = on_device->peak_bytes(price.buffer_bytes) - price.buffer_bytes - price.kernel_bytes;
  }
  return price;
}

}  // namespace ringattn
