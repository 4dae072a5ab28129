#include "attention/call_bias.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>
#include <random>

namespace ringattn {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

AttentionFunction function_of(MaskShape mask, Window window = {}, bool is_causal = false) {
  AttentionFunction f;
  f.pairs = {{64, 1}};
  f.seq_len = 64;
  f.heads = 4;
  f.mask = mask;
  f.window = window;
  f.is_causal = is_causal;
  return f;
}

TileCall call_of(HeadRange heads, std::int64_t rows, std::int64_t keys, std::int64_t batch) {
  return {heads, {.first = 0, .count = rows}, {.first = 0, .count = keys}, 0, batch};
}

BiasSources sources_of_keys(const at::Tensor& mask) {
  BiasSources sources{};
  sources.key_mask = mask;
  return sources;
}

const MaskShape kKeys{MaskKind::keys, false, false}, kKeysAdditive{MaskKind::keys, false, true};
const MaskShape kScores{MaskKind::scores, false, false}, kScoresPerHead{MaskKind::scores, true, true};

/// What one number of the bias must be, straight from the words: 0 or the mask's, -inf where mask or positions hide.
double wanted_bias(const AttentionFunction& f, MaskRule rule, const BiasSources& from, std::int64_t batch,
                   std::int64_t head, std::size_t row, std::size_t key, std::int64_t key_row) {
  double number = 0.0;
  if (rule == MaskRule::positions) {
    const std::int64_t q = from.query_positions[row], k = from.key_positions[key];
    if (f.is_causal && k > q) return kHidden;
    if (f.window.left >= 0 && k < q - f.window.left) return kHidden;
    if (f.window.right >= 0 && k > q + f.window.right) return kHidden;
  }
  const auto element = [](const at::Tensor& mask, std::initializer_list<std::int64_t> index) {
    at::Tensor place = mask;
    for (const std::int64_t i : index) place = place.select(0, place.size(0) == 1 ? 0 : i);
    return mask.scalar_type() == at::kBool ? (place.item<bool>() ? 0.0 : kHidden)
                                           : place.to(at::kDouble).item<double>();
  };
  if (from.scores_mask.defined())
    number += element(from.scores_mask, {batch, head, from.query_rows[row], from.key_positions[key]});
  if (from.key_mask.defined()) number += element(from.key_mask, {batch, key_row});
  return number;
}

void check_bias(const AttentionFunction& f, MaskRule rule, const TileCall& call, std::int64_t mask_batch,
                const BiasSources& from, at::ScalarType dtype) {
  const BiasShape shape = bias_shape(f, rule, call, mask_batch);
  const CallBias made = make_call_bias(f, rule, call, shape, from, dtype);
  REQUIRE(made.bias.sizes().vec() == std::vector<std::int64_t>{shape.copies, shape.heads, shape.rows, shape.keys});
  CHECK((made.bias.scalar_type() == dtype));
  const std::int64_t segments = call.key.segments;
  for (std::int64_t copy = 0; copy < shape.copies; ++copy) {
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      for (std::int64_t row = 0; row < shape.rows; ++row) {
        bool is_empty = true;
        for (std::int64_t key = 0; key < shape.keys; ++key) {
          const std::int64_t key_row =
              call.key.first + (segments > 1 ? copy * call.key.segment_stride : 0) + key * call.key.step;
          const double want =
              wanted_bias(f, rule, from, call.batch_begin + (segments > 1 ? 0 : copy), call.heads.begin + head,
                          static_cast<std::size_t>(row), static_cast<std::size_t>(key), key_row);
          const double rounded = dtype == at::kFloat ? static_cast<double>(static_cast<float>(want)) : want;
          CHECK(made.bias[copy][head][row][key].item<double>() == rounded);
          is_empty = is_empty && want == kHidden;
        }
        if (rule != MaskRule::causal) CHECK(made.empty_rows[copy][head][row].item<bool>() == is_empty);
      }
    }
  }
}

}  // namespace

TEST_CASE("no mask and no positions: no bias") {
  const TileCall call = call_of({0, 4}, 8, 16, 2);
  CHECK(bias_shape(function_of({}), MaskRule::full, call, 0).copies == 0);
  CHECK(bias_shape(function_of({}), MaskRule::causal, call, 0).copies == 0);
  CHECK_FALSE(make_call_bias(function_of({}), MaskRule::full, call, {}, {}, at::kFloat).bias.defined());
}

TEST_CASE("a bias is no larger than what it depends on") {
  const TileCall call = call_of({1, 3}, 8, 16, 2);
  const auto shape = [&](const MaskShape& mask, MaskRule rule, std::int64_t mask_batch) {
    return bias_shape(function_of(mask), rule, call, mask_batch);
  };
  CHECK(shape({}, MaskRule::positions, 0) == BiasShape{1, 1, 8, 16, 8});
  CHECK(shape(kKeys, MaskRule::full, 1) == BiasShape{1, 1, 1, 16, 1});
  CHECK(shape(kKeys, MaskRule::full, 2) == BiasShape{2, 1, 1, 16, 1});
  CHECK(shape(kKeys, MaskRule::causal, 2) == BiasShape{2, 1, 1, 16, 8});
  CHECK(shape(kKeys, MaskRule::positions, 2) == BiasShape{2, 1, 8, 16, 8});
  CHECK(shape(kScores, MaskRule::full, 1) == BiasShape{1, 1, 8, 16, 8});
  CHECK(shape(kScoresPerHead, MaskRule::full, 2) == BiasShape{2, 2, 8, 16, 8});
  CHECK(shape(kKeys, MaskRule::causal, 2).bytes(4) == 2 * 16 * 4 + 2 * 8);
}

TEST_CASE("segments that share a call have a copy each under a mask of keys") {
  const Rows rows{.first = 1, .count = 4, .step = 2, .segments = 3, .segment_stride = 8};
  const TileCall call{{0, 2}, rows, rows, 1, 2};
  const AttentionFunction f = function_of(kKeysAdditive);
  CHECK(bias_shape(f, MaskRule::full, call, 2) == BiasShape{3, 1, 1, 4, 1});
  const at::Tensor mask = at::arange(2 * 24, at::kFloat).view({2, 24});
  check_bias(f, MaskRule::full, call, 2, sources_of_keys(mask), at::kFloat);
  check_bias(f, MaskRule::full, call, 1, sources_of_keys(mask.narrow(0, 0, 1)), at::kFloat);
  CHECK(bias_shape(f, MaskRule::causal, call, 2) == BiasShape{3, 1, 1, 4, 4});
}

TEST_CASE("positions, masks and types give the numbers that the words say") {
  std::mt19937 random(9);
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(2);
  const std::vector<std::int64_t> query_positions{3, 10, 11, 30, 60}, query_rows{0, 4, 5, 6, 2};
  const std::vector<std::int64_t> key_positions{0, 1, 2, 9, 12, 31, 40};
  const TileCall call = call_of({1, 3}, 5, 7, 2);
  for (const MaskShape& mask : {MaskShape{}, kKeys, kKeysAdditive, kScores, kScoresPerHead}) {
    for (const std::int64_t mask_batch : {1, 2}) {
      for (const auto& [window, is_causal] :
           {std::pair{Window{5, 2}, false}, {Window{-1, 0}, false}, {Window{9, -1}, true}, {Window{0, 0}, true}}) {
        const at::ScalarType type = mask.is_additive ? at::kDouble : at::kBool;
        const std::int64_t heads = mask.is_per_head ? 4 : 1;
        const bool of_keys = mask.kind == MaskKind::keys, of_scores = mask.kind == MaskKind::scores;
        const auto numbers = [&](const std::vector<std::int64_t>& sizes) {
          const at::Tensor values = at::randn(sizes, generator, at::kDouble);
          return mask.is_additive ? values.masked_fill(values.lt(-0.5), kHidden) : values.gt(0.0).to(type);
        };
        const BiasSources from{.query_positions = query_positions,
                               .key_positions = key_positions,
                               .query_rows = query_rows,
                               .scores_mask = of_scores ? numbers({mask_batch, heads, 7, 64}) : at::Tensor(),
                               .key_mask = of_keys ? numbers({mask_batch, 7}) : at::Tensor()};
        const std::int64_t batches = mask.kind == MaskKind::none ? 0 : mask_batch;
        for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
          const AttentionFunction f = function_of(mask, window, is_causal);
          check_bias(f, MaskRule::positions, call, batches, from, dtype);
          if (mask.kind != MaskKind::none) check_bias(f, MaskRule::full, call, batches, from, dtype);
        }
      }
    }
  }
}

TEST_CASE("masks of every floating type and any strides are read as they are") {
  const std::vector<std::int64_t> rows{1, 0}, keys{0, 5, 63};
  const TileCall call = call_of({0, 4}, 2, 3, 1);
  const AttentionFunction f = function_of(kScoresPerHead);
  const at::Tensor base = at::arange(4 * 2 * 64, at::kDouble).view({1, 4, 2, 64}).div(64.0).floor();
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    const at::Tensor strided = base.to(type).transpose(1, 3).contiguous().transpose(1, 3);
    const BiasSources from{
        .query_positions = rows, .key_positions = keys, .query_rows = rows, .scores_mask = strided, .key_mask = {}};
    check_bias(f, MaskRule::full, call, 1, from, at::kFloat);
  }
}

TEST_CASE("under a triangle the rows before the first key that is left are empty") {
  const TileCall call = call_of({0, 2}, 6, 6, 3);
  at::Tensor mask = at::ones({3, 6}, at::kBool);
  mask[1].narrow(0, 0, 4).fill_(false);
  mask[2].fill_(false);
  const AttentionFunction f = function_of(kKeys);
  const CallBias made = make_call_bias(f, MaskRule::causal, call, bias_shape(f, MaskRule::causal, call, 3),
                                       sources_of_keys(mask), at::kFloat);
  REQUIRE(made.empty_rows.sizes().vec() == std::vector<std::int64_t>{3, 1, 6});
  for (std::int64_t row = 0; row < 6; ++row) {
    CHECK_FALSE(made.empty_rows[0][0][row].item<bool>());
    CHECK(made.empty_rows[1][0][row].item<bool>() == (row < 4));
    CHECK(made.empty_rows[2][0][row].item<bool>());
  }
}

TEST_CASE("a call of fewer keys than rows marks its triangle's rows rightly") {
  const TileCall call = call_of({0, 1}, 5, 2, 1);
  at::Tensor mask = at::ones({1, 2}, at::kBool);
  mask[0][0] = false;
  const AttentionFunction f = function_of(kKeys);
  const CallBias made = make_call_bias(f, MaskRule::causal, call, bias_shape(f, MaskRule::causal, call, 1),
                                       sources_of_keys(mask), at::kFloat);
  CHECK(made.empty_rows[0][0][0].item<bool>());
  for (std::int64_t row = 1; row < 5; ++row) CHECK_FALSE(made.empty_rows[0][0][row].item<bool>());
}

}  // namespace ringattn
