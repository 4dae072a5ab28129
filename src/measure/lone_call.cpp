#include "measure/lone_call.h"

#include "attention/running_state.h"
#include "attention/tile_reader.h"
#include "measure/memory_meter.h"
#include "plan/need.h"

#include <ATen/ATen.h>

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
  return metered(call, dtype, device, [&](const BlockInputs& inputs) { return backend.forward(inputs); });
}

std::int64_t lone_backward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype,
                                 at::Device device) {
  const at::TensorOptions type = at::TensorOptions().dtype(dtype).device(device);
  const at::Tensor lse = at::zeros({call.batches, call.rows, call.heads}, type.dtype(state_dtype(dtype)));
  const BlockGradientInputs result{.out = rows_apart(call.out_is_apart, call, type),
                                   .lse = lse.transpose(1, 2),
                                   .grad_out = rows_apart(call.grad_is_apart, call, type)};
  return metered(call, dtype, device, [&](const BlockInputs& inputs) { return backend.backward(inputs, result); })
      .peak_bytes;
}

}  // namespace ringattn
