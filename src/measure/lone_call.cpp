#include "measure/lone_call.h"

#include "attention/running_state.h"
#include "attention/tile_reader.h"
#include "measure/memory_meter.h"
#include "plan/need.h"

#include <ATen/ATen.h>

#include <functional>
#include <numeric>
#include <vector>

namespace ringattn {
namespace {

at::Tensor zeros_for(std::int64_t batches, std::int64_t heads, std::int64_t rows, std::int64_t dim,
                     at::ScalarType dtype) {
  return at::zeros({batches, rows, heads, dim}, at::TensorOptions().dtype(dtype)).transpose(1, 2);
}

at::Tensor key_zeros(const LoneCall& call, at::ScalarType dtype) {
  if (!call.shares_key_head) return zeros_for(call.batches, call.heads, call.keys, call.head_dim, dtype);
  return zeros_for(call.batches, 1, call.keys, call.head_dim, dtype).expand({-1, call.heads, -1, -1});
}

std::vector<std::int64_t> counted(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// Makes the call's inputs, then meters `run` of them.
std::int64_t metered(const LoneCall& call, at::ScalarType dtype, const std::function<void(const BlockInputs&)>& run) {
  BlockInputs inputs{.query = zeros_for(call.batches, call.heads, call.rows, call.head_dim, dtype),
                     .key = key_zeros(call, dtype),
                     .value = key_zeros(call, dtype),
                     .rule = call.rule,
                     .softmax_scale = call.softmax_scale};
  const BiasShape& bias = call.bias;
  if (bias.copies > 0) {
    const auto options = at::TensorOptions().dtype(state_dtype(dtype));
    inputs.bias = at::zeros({bias.copies, bias.heads, bias.rows, bias.keys}, options);
    inputs.empty_rows = at::zeros({bias.copies, bias.heads, bias.empty_rows}, options.dtype(at::kBool));
  }
  const std::vector<std::int64_t> rows = counted(call.rows), keys = counted(call.keys);
  if (call.drops) inputs.dropout = BlockDropout{kernels::dropout_rule(0.5, 0), 0, 0, rows, keys};
  const MemoryMeter meter;
  run(inputs);
  return meter.use().peak_bytes;
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

std::int64_t lone_call_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype) {
  return metered(call, dtype, [&](const BlockInputs& inputs) { backend.forward(inputs); });
}

std::int64_t lone_backward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype) {
  const at::Tensor rows = zeros_for(call.batches, call.heads, call.rows, call.head_dim, dtype);
  const at::Tensor lse =
      at::zeros({call.batches, call.rows, call.heads}, at::TensorOptions().dtype(state_dtype(dtype)));
  const BlockGradientInputs result{.out = rows, .lse = lse.transpose(1, 2), .grad_out = rows};
  return metered(call, dtype, [&](const BlockInputs& inputs) { backend.backward(inputs, result); });
}

}  // namespace ringattn
