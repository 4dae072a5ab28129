#include "measure/lone_call.h"

#include "attention/running_state.h"
#include "attention/tile_reader.h"
#include "measure/memory_meter.h"
#include "plan/need.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace ringattn {
namespace {

at::Tensor zeros_for(std::int64_t batches, std::int64_t heads, std::int64_t rows, std::int64_t dim,
                     const at::TensorOptions& options) {
  return at::zeros({batches, rows, heads, dim}, options).transpose(1, 2);
}

/// The same, or every second row of twice as many.
at::Tensor rows_apart(bool are_apart, const LoneCall& call, const at::TensorOptions& options) {
  if (!are_apart) return zeros_for(call.batches, call.heads, call.rows, call.head_dim, options);
  return zeros_for(call.batches, call.heads, 2 * call.rows, call.head_dim, options).slice(2, 0, 2 * call.rows, 2);
}

at::Tensor key_zeros(const LoneCall& call, const at::TensorOptions& options) {
  if (!call.shares_key_head) return zeros_for(call.batches, call.heads, call.keys, call.head_dim, options);
  return zeros_for(call.batches, 1, call.keys, call.head_dim, options).expand({-1, call.heads, -1, -1});
}

std::vector<std::int64_t> counted(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// Makes the call's inputs, then meters what `run` of them allocates and what of it `run` returns.
template <typename Run>
LoneUse metered(const LoneCall& call, at::ScalarType dtype, at::Device device, const Run& run) {
  const at::TensorOptions type = at::TensorOptions().dtype(dtype).device(device);
  BlockInputs inputs{.query = zeros_for(call.batches, call.heads, call.rows, call.head_dim, type),
                     .key = key_zeros(call, type),
                     .value = key_zeros(call, type),
                     .rule = call.rule,
                     .softmax_scale = call.softmax_scale};
  const BiasShape& bias = call.bias;
  if (bias.copies > 0) {
    const auto options = type.dtype(state_dtype(dtype));
    inputs.bias = at::zeros({bias.copies, bias.heads, bias.rows, bias.keys}, options);
    inputs.empty_rows = at::zeros({bias.copies, bias.heads, bias.empty_rows}, options.dtype(at::kBool));
  }
  const std::vector<std::int64_t> rows = counted(call.rows), keys = counted(call.keys);
  if (call.drops) inputs.dropout = BlockDropout{kernels::dropout_rule(0.5, 0), 0, 0, rows, keys};
  // On a GPU the first call of a library on a thread also allocates what all later ones share.
  if (!device.is_cpu()) (void)run(inputs);
  const MemoryMeter meter(device);
  const auto result = run(inputs);
  const MemoryUse use = meter.use();
  return {use.peak_bytes, use.live_bytes};
}

/// By so much rows or keys grow from one call to the next: a multiple of the kernel's blocks of 256 rows and 512 keys.
constexpr std::int64_t kGrowth = 2048;

/// A length that leaves the same remainder in the kernel's blocks, below 3 kGrowth; a short one as it is.
std::int64_t shortened(std::int64_t length) { return length < 3 * kGrowth ? length : kGrowth + length % kGrowth; }

/// What `use_of` says of the call, without computing a tile of hundreds of thousands of rows for it: above some length
/// the library's CPU kernel allocates a sum of parts that go with rows, with keys, or with neither.
///   use(r, c) = use(r₀, c₀) + (use(r₀ + g, c₀) − use(r₀, c₀))·(r − r₀)/g + (use(r₀, c₀ + g) − use(r₀, c₀))·(c − c₀)/g
template <typename UseOf>
LoneUse grown(const BlockBackend& backend, const LoneCall& call, at::Device device, const UseOf& use_of) {
  const bool is_sum = device.is_cpu() && backend.name() == "sdpa" && call.bias.copies == 0 && !call.drops;
  const bool is_square = call.rule == MaskRule::causal;  // rows and keys grow together
  LoneCall small = call;
  small.rows = shortened(call.rows), small.keys = shortened(call.keys);
  if (!is_sum || (small.rows == call.rows && small.keys == call.keys) || (is_square && call.rows != call.keys))
    return use_of(call);
  LoneUse use = use_of(small);
  const LoneUse base = use;
  const auto add_growth = [&](std::int64_t by_rows, std::int64_t by_keys, std::int64_t times) {
    if (times == 0) return;
    LoneCall larger = small;
    larger.rows += by_rows, larger.keys += by_keys;
    const LoneUse more = use_of(larger);
    use.peak_bytes += (more.peak_bytes - base.peak_bytes) * times;
    use.result_bytes += (more.result_bytes - base.result_bytes) * times;
  };
  const std::int64_t row_times = (call.rows - small.rows) / kGrowth, key_times = (call.keys - small.keys) / kGrowth;
  if (is_square)
    add_growth(kGrowth, kGrowth, row_times);
  else
    add_growth(kGrowth, 0, row_times), add_growth(0, kGrowth, key_times);
  return use;
}

}  // namespace

LoneCall lone_call(const AttentionFunction& function, const PlanTile& tile, const TileCall& call, std::int64_t head_dim,
                   std::int64_t mask_batch) {
  return {.batches = call.batches(),
          .heads = call.heads.size(),
          .rows = call.query.count,
          .keys = call.key.count,
          .head_dim = head_dim,
          .rule = tile.rule == MaskRule::positions ? MaskRule::full : tile.rule,
          .bias = bias_shape(function, tile.rule, call, mask_batch),
          .drops = function.dropout > 0.0,
          .shares_key_head = key_heads_of(call.heads, function).size() < call.heads.size(),
          .softmax_scale = softmax_scale_of(function, head_dim)};
}

LoneUse lone_use(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype, at::Device device) {
  return grown(backend, call, device, [&](const LoneCall& of) {
    return metered(of, dtype, device, [&](const BlockInputs& inputs) { return backend.forward(inputs); });
  });
}

std::int64_t lone_backward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype,
                                 at::Device device) {
  const auto of_call = [&](const LoneCall& of) {
    const at::TensorOptions type = at::TensorOptions().dtype(dtype).device(device);
    const at::Tensor lse = at::zeros({of.batches, of.rows, of.heads}, type.dtype(state_dtype(dtype)));
    const BlockGradientInputs result{.out = rows_apart(of.out_is_apart, of, type),
                                     .lse = lse.transpose(1, 2),
                                     .grad_out = rows_apart(of.grad_is_apart, of, type)};
    return metered(of, dtype, device, [&](const BlockInputs& inputs) { return backend.backward(inputs, result); });
  };
  return grown(backend, call, device, of_call).peak_bytes;
}

}  // namespace ringattn
