#include "attention/call_bias.h"
#include "attention/device_stream.h"
#include "attention/key_value.h"
#include "attention/row_sums.h"
#include "attention/running_state.h"
#include "kernels/dropout.h"
#include "pattern/rows.h"
#include "tests/cuda/gpu.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <vector>

// Each kernel against its CPU twin.

namespace ringattn {
namespace {

constexpr double kEmpty = -std::numeric_limits<double>::infinity();

/// A partial of (batch, heads, rows, dim) with rows that saw no key, one of them holding NaN that nobody may read.
Partial random_partial(std::int64_t batch, std::int64_t heads, std::int64_t rows, std::int64_t dim, at::ScalarType type,
                       std::int64_t seed) {
  at::manual_seed(static_cast<std::uint64_t>(seed));
  Partial partial{at::randn({batch, rows, heads, dim}).to(type).transpose(1, 2),
                  (4.0 * at::randn({batch, heads, rows})).to(state_dtype(type))};
  const std::int64_t empty = seed % rows;
  partial.lse.select(2, empty).fill_(kEmpty);
  partial.out.select(2, empty).fill_(NAN);
  return partial;
}

Partial on_gpu(const Partial& partial) { return {partial.out.to(at::kCUDA), partial.lse.to(at::kCUDA)}; }

void check_merges(at::ScalarType type, at::ScalarType result_type, std::int64_t dim) {
  constexpr std::int64_t batch = 2, heads = 3, rows = 40;
  RunningState cpu(batch, rows, heads, dim, type), gpu(batch, rows, heads, dim, type, at::kCUDA);
  const auto merge = [&](const Partial& partial, HeadRange range, const Rows& at_rows, std::int64_t index) {
    cpu.merge(partial, range, at_rows, index);
    gpu.merge(on_gpu(partial), range, at_rows, index);
  };
  merge(random_partial(batch, heads, rows, dim, type, 1), {0, 3}, {.first = 0, .count = rows}, 0);
  merge(random_partial(batch, 2, 13, dim, type, 2), {1, 3}, {.first = 1, .count = 13, .step = 3}, 0);
  merge(random_partial(2, 3, 8, dim, type, 3), {0, 3}, {.first = 4, .count = 8, .segments = 2, .segment_stride = 20},
        1);
  const std::vector<std::int64_t> places{39, 2, 17, 5};
  const at::Tensor there = at::tensor(places, at::kLong).to(at::kCUDA);
  const Partial some = random_partial(batch, 1, 4, dim, type, 5);
  cpu.merge(some, {2, 3}, places.data());
  gpu.merge(on_gpu(some), {2, 3}, there.const_data_ptr<std::int64_t>());
  const Partial want = cpu.finish(result_type, 0.5), got = gpu.finish(result_type, 0.5);
  const double tolerance = result_type == at::kDouble ? 1e-13 : result_type == at::kFloat ? 2e-6 : 8e-3;
  CHECK(testing::worst_error(got.out.cpu(), want.out, tolerance, tolerance) <= 1.0);
  CHECK(testing::worst_error(got.lse.cpu(), want.lse, 2e-6, 2e-6) <= 1.0);
}

}  // namespace

TEST_CASE("merge and finish on the GPU give what the CPU gives") {
  NEEDS_GPU();
  for (const std::int64_t dim : {64, 5, 1, 130}) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
      INFO(fmt::format("{} dim {}", c10::toString(type), dim));
      check_merges(type, type, dim);
    }
    check_merges(at::kBFloat16, at::kFloat, dim);
  }
}

TEST_CASE("a row that saw no key ends as 0 with lse -inf") {
  NEEDS_GPU();
  RunningState state(1, 3, 2, 8, at::kBFloat16, at::kCUDA);
  const Partial result = state.finish(at::kBFloat16, 1.0);
  CHECK(result.out.cpu().abs().max().item<double>() == 0.0);
  CHECK((result.lse.cpu() == kEmpty).all().item<bool>());
}

TEST_CASE("derivatives are added to the same sums") {
  NEEDS_GPU();
  for (const auto& [type, dim] : {std::pair{at::kFloat, 64}, {at::kBFloat16, 40}, {at::kHalf, 7}, {at::kDouble, 6}}) {
    INFO(fmt::format("{} dim {}", c10::toString(type), dim));
    at::manual_seed(3);
    constexpr std::int64_t batch = 2, heads = 3, rows = 40;
    const at::TensorOptions wide = at::TensorOptions(state_dtype(type));
    const KeyValue cpu = zero_sums(batch, rows, heads, dim, wide),
                   gpu = zero_sums(batch, rows, heads, dim, wide.device(at::kCUDA));
    const std::vector<std::int64_t> places{39, 2, 17, 5};
    const at::Tensor list = at::tensor(places, at::kLong);
    const auto add = [&](const HeadView& view, const Rows& at_rows, std::int64_t batch_end, std::int64_t part_heads,
                         bool is_listed) {
      const TileCall call{{0, view.count}, at_rows, at_rows, 0, batch_end};
      const at::Tensor part = at::randn({call.batches(), at_rows.count, part_heads, dim}).to(type).transpose(1, 2);
      add_call(cpu.key, view, at_rows, is_listed ? list : at::Tensor(), call, part, 0.75);
      add_call(gpu.key, view, at_rows, is_listed ? list.to(at::kCUDA) : at::Tensor(), call, part.to(at::kCUDA), 0.75);
    };
    add({0, 3}, {.first = 0, .count = rows}, batch, 3, false);
    add({1, 2}, {.first = 1, .count = 13, .step = 3}, batch, 2, false);
    add({2, 4, true}, {.first = 3, .count = 20}, batch, 4, false);                            // shared
    add({2, 4, true}, {.first = 3, .count = 20}, batch, 1, false);                            // summed
    add({0, 3}, {.first = 4, .count = 8, .segments = 2, .segment_stride = 20}, 1, 3, false);  // apart
    add({0, 3}, {.first = 4, .count = 8, .segments = 4, .segment_stride = 5}, 1, 3, false);   // meeting
    add({0, 3}, {.first = 4, .count = 8, .segments = 5, .segment_stride = 0}, 1, 3, false);   // the same
    add({1, 1}, {.first = 0, .count = 4}, batch, 1, true);
    add_runs(cpu.key, 1, {{.first = 2, .count = 5, .step = 2}, {.first = 30, .count = 3}},
             at::ones({batch, 8, 2, dim}, wide));
    add_runs(gpu.key, 1, {{.first = 2, .count = 5, .step = 2}, {.first = 30, .count = 3}},
             at::ones({batch, 8, 2, dim}, wide.device(at::kCUDA)));
    const double tolerance = type == at::kDouble ? 1e-13 : 2e-6;
    CHECK(testing::worst_error(gpu.key.cpu(), cpu.key, tolerance, tolerance) <= 1.0);
    const at::Tensor some = cpu.key.to(type).slice(1, 0, rows, 2).transpose(1, 2);
    const at::Tensor packed = packed_call(some.to(at::kCUDA), 1.5);
    CHECK(at::equal(packed.cpu(), packed_call(some, 1.5)));
    CHECK(packed.strides() == packed_call(some, 1.5).strides());
  }
}

TEST_CASE("rows are packed to the same bits") {
  NEEDS_GPU();
  const std::vector<std::int64_t> rows{7, 0, 3, 3, 9};
  const RowSlice index{std::make_shared<const std::vector<std::int64_t>>(rows), 0, 5};
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kBool}) {
    for (const std::int64_t dim : {1, 5, 64}) {
      const at::Tensor tensor = at::randint(0, 2, {2, 10, 6, dim}).to(type).narrow(2, 1, 4);
      const at::Tensor want = packed_rows(tensor, {1, 3}, row_numbers(index, at::kCPU));
      const at::Tensor there = at::empty({2, 10, 6, dim}, tensor.options().device(at::kCUDA)).narrow(2, 1, 4);
      there.copy_(tensor);
      CHECK(at::equal(packed_rows(there, {1, 3}, row_numbers(index, at::kCUDA)).cpu(), want));
    }
  }
}

TEST_CASE("weights are dropped in the same places") {
  NEEDS_GPU();
  const kernels::DropoutRule rule = kernels::dropout_rule(0.3, 0x123456789ABCDEF0);
  const std::vector<std::int64_t> queries{5, 1'000'000'007, 0}, keys{0, 1, 2, 3, 4, 9, 10, 4'000'000'001};
  at::Tensor want = at::ones({2, 3, 3, 8}, at::kFloat);
  for (std::int64_t i = 0; i < 18; ++i)
    kernels::drop_weights_cpu(want.data_ptr<float>() + 8 * i, keys.data(), 8, queries[static_cast<std::size_t>(i % 3)],
                              7 + i / 3 % 3, 2 + i / 9, rule);
  const at::Tensor got = at::ones({2, 3, 3, 8}, at::TensorOptions(at::kFloat).device(at::kCUDA));
  kernels::drop_weights_cuda(
      got.data_ptr<float>(), {.batches = 2, .heads = 3, .rows = 3, .keys = 8, .batch_begin = 2, .head_begin = 7},
      at::tensor(queries, at::kLong).to(at::kCUDA).const_data_ptr<std::int64_t>(),
      at::tensor(keys, at::kLong).to(at::kCUDA).const_data_ptr<std::int64_t>(), rule, current_stream(got.device()));
  CHECK(at::equal(got.cpu(), want));
}

namespace {

/// A call of 6 rows and 9 keys of a sequence of 64 under this mask, on both devices.
void check_bias(const MaskShape& mask, MaskRule rule, const at::Tensor& numbers) {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  const Problem problem{.seq_len = 64, .heads = 4, .is_causal = rule != MaskRule::full, .kv_heads = 4, .mask = mask};
  const AttentionFunction function = resolve_function(config, problem);
  const TileCall call{.heads = {1, 4},
                      .query = {.first = 0, .count = 6},
                      .key = {.first = 2, .count = 9, .step = 3},
                      .batch_begin = 0,
                      .batch_end = 2};
  const std::vector<std::int64_t> queries{3, 4, 9, 20, 40, 63}, rows{0, 5, 1, 2, 4, 3};
  const std::vector<std::int64_t> keys{0, 7, 8, 9, 30, 31, 50, 62, 63};
  const auto make = [&](at::DeviceType device) {
    const at::Tensor there = numbers.to(device);
    return make_call_bias(function, rule, call, bias_shape(function, rule, call, 2),
                          {.query_positions = queries,
                           .key_positions = keys,
                           .query_rows = rows,
                           .scores_mask = mask.kind == MaskKind::scores ? there : at::Tensor(),
                           .key_mask = mask.kind == MaskKind::keys ? there : at::Tensor()},
                          at::kFloat, device);
  };
  const CallBias want = make(at::kCPU), got = make(at::kCUDA);
  CHECK(at::equal(got.bias.cpu(), want.bias));
  CHECK(at::equal(got.empty_rows.cpu(), want.empty_rows));
}

}  // namespace

TEST_CASE("biases are filled with the same numbers") {
  NEEDS_GPU();
  const at::Tensor noise = at::randn({2, 4, 6, 64}).masked_fill(at::rand({2, 4, 6, 64}) < 0.3, kEmpty);
  const at::Tensor key_noise = at::randn({2, 64}).masked_fill(at::rand({2, 64}) < 0.6, kEmpty);
  for (const MaskRule rule : {MaskRule::full, MaskRule::causal, MaskRule::positions}) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
      check_bias({MaskKind::keys, false, true}, rule, key_noise.to(type));
      if (rule != MaskRule::causal) check_bias({MaskKind::scores, true, true}, rule, noise.to(type));
    }
    check_bias({MaskKind::keys, false, false}, rule, key_noise > 0.0);
    check_bias({MaskKind::keys, false, false}, rule, at::zeros({2, 64}, at::kBool));
    if (rule != MaskRule::causal) check_bias({MaskKind::scores, true, false}, rule, noise > 0.0);
  }
  check_bias({}, MaskRule::positions, at::zeros({1}));
}

}  // namespace ringattn
