#include "measure/lone_call.h"

#include "attention/running_state.h"
#include "measure/memory_meter.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

namespace ringattn {
namespace {

BlockInputs inputs_of(const LoneCall& call, at::ScalarType dtype) {
  const auto rows = [&](std::int64_t count) {
    return at::zeros({call.batches, count, call.heads, call.head_dim}, dtype).transpose(1, 2);
  };
  return {.query = rows(call.rows), .key = rows(call.keys), .value = rows(call.keys), .rule = call.rule};
}

std::int64_t forward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype) {
  const BlockInputs inputs = inputs_of(call, dtype);
  const MemoryMeter meter;
  const Partial partial = backend.forward(inputs);
  return meter.use().peak_bytes;
}

std::int64_t backward_bytes(const BlockBackend& backend, const LoneCall& call, at::ScalarType dtype) {
  const BlockInputs inputs = inputs_of(call, dtype);
  const Partial partial = backend.forward(inputs);
  const BlockGradientInputs result{.out = partial.out, .lse = partial.lse, .grad_out = partial.out};
  const MemoryMeter meter;
  const BlockGradients gradients = backend.backward(inputs, result);
  return meter.use().peak_bytes;
}

}  // namespace

// Lengths with and without remainders in the kernel's blocks, long in rows, in keys, in both.
TEST_CASE("what a long call allocates is told from shorter ones to the byte") {
  const auto backend = make_sdpa_backend();
  const LoneCall calls[] = {{.rows = 8192, .keys = 128, .head_dim = 8},
                            {.rows = 100, .keys = 10101, .head_dim = 8},
                            {.heads = 2, .rows = 6173, .keys = 6400, .head_dim = 4},
                            {.rows = 6657, .keys = 6657, .head_dim = 4, .rule = MaskRule::causal}};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const LoneCall& call : calls) {
      CAPTURE(at::toString(dtype));
      CAPTURE(call.rows);
      CAPTURE(call.keys);
      const LoneUse use = lone_use(*backend, call, dtype, at::kCPU);
      CHECK(use.peak_bytes == forward_bytes(*backend, call, dtype));
      const std::int64_t row_bytes = call.head_dim * static_cast<std::int64_t>(c10::elementSize(dtype)) +
                                     static_cast<std::int64_t>(c10::elementSize(state_dtype(dtype)));
      CHECK(use.result_bytes == call.heads * call.rows * row_bytes);
      CHECK(lone_backward_bytes(*backend, call, dtype) == backward_bytes(*backend, call, dtype));
    }
  }
}

}  // namespace ringattn
