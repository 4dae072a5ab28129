#include "compare/reference.h"

#include "attention/oracle.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ringattn {
namespace {

AttentionFunction dense(std::int64_t n, std::int64_t heads, std::int64_t kv_heads = 0) {
  AttentionFunction f{{}, {{n, 1}}, n, heads, true};
  f.kv_heads = kv_heads;
  return f;
}

double worst(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("a reference honours mask, key heads, scale and dropout of the function, on all rows and on chosen ones") {
  const auto inputs = generated_inputs(
      {.seed = 3, .batch = 2, .seq_len = 48, .heads = 4, .head_dim = 16, .kv_heads = 2, .mask = "random"});
  AttentionFunction f = dense(48, 4, 2);
  f.mask = inputs->mask_shape();
  REQUIRE(f.mask.kind != MaskKind::none);
  f.softmax_scale = 0.2;
  const std::vector<std::int64_t> rows{0, 17, 47};
  const at::Tensor index = at::tensor(rows, at::kLong);
  for (const double dropout : {0.0, 0.4}) {
    f.dropout = dropout;
    ReferenceBook all(*inputs, {}), some(*inputs, rows);
    const Reference& whole = all.of(f, at::kFloat);
    const Reference& chosen = some.of(f, at::kFloat);
    CHECK(worst(whole.library.out, whole.oracle.out) < 1e-5);
    CHECK(worst(chosen.oracle.out, whole.oracle.out.index_select(1, index)) < 1e-12);
    CHECK(worst(chosen.library.out, chosen.oracle.out) < 1e-5);
    CHECK_FALSE(whole.plain.out.defined());
    const Reference& low = all.of(f, at::kBFloat16);
    CHECK((low.plain.out.scalar_type() == at::kBFloat16));
    CHECK(worst(low.plain.out, low.oracle.out) < 0.1);
    CHECK(worst(all.with_defects(f, {}, at::kFloat).out, whole.oracle.out) <= 1e-14);
  }
}

TEST_CASE("a function in which no row attends any key has a reference: 0, and no sensitivity") {
  const auto inputs = generated_inputs({.seq_len = 16, .heads = 1, .head_dim = 8});
  AttentionFunction f = dense(16, 1);
  f.pairs = {{8, 1}, {16, 1}};
  f.axes.placement = Placement::tiles;
  f.axes.heads = HeadRule::drop;  // one head is none for each of two groups
  ReferenceBook book(*inputs, {});
  for (const double dropout : {0.0, 0.3}) {
    f.dropout = dropout;
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const Reference& reference = book.of(f, dtype);
      CHECK(reference.oracle.out.abs().max().item<double>() == 0.0);
      CHECK(reference.oracle.lse.eq(-INFINITY).all().item<bool>());
      CHECK(reference.sensitivity.out.max().item<double>() == 0.0);
    }
  }
}

TEST_CASE("masks of the inputs that the function does not take, or takes otherwise, are told apart") {
  const auto masked = generated_inputs({.seq_len = 16, .heads = 2, .head_dim = 8, .mask = "padding"});
  const auto plain = generated_inputs({.seq_len = 16, .heads = 2, .head_dim = 8});
  AttentionFunction f = dense(16, 2);
  ReferenceBook without(*masked, {});  // a function without mask leaves the inputs' mask alone
  ReferenceBook open(*plain, {});
  CHECK(worst(without.of(f, at::kFloat).oracle.out, open.of(f, at::kFloat).oracle.out) == 0.0);
  f.mask.kind = MaskKind::scores;
  CHECK_THROWS_AS(open.of(f, at::kFloat), UsageError);
}

TEST_CASE("the magnitude of the inputs follows the function's own scale and dropout") {
  const auto inputs = generated_inputs({.seq_len = 16, .heads = 2, .head_dim = 16});
  ReferenceBook book(*inputs, {});
  AttentionFunction f = dense(16, 2);
  const InputMagnitude usual = book.of(f, at::kFloat).magnitude;
  f.softmax_scale = 1.0;
  f.dropout = 0.5;
  const InputMagnitude changed = book.of(f, at::kFloat).magnitude;
  CHECK(changed.score == doctest::Approx(4 * usual.score));
  CHECK(changed.value == doctest::Approx(2 * usual.value));
}

TEST_CASE("sampled rows hold the ends of shards, segments and documents") {
  AttentionFunction f = dense(4096, 2);
  f.documents = {0, 1000, 2000, 4096};
  const std::vector<Positions> shards{contiguous_positions(4096, 0, 2), contiguous_positions(4096, 1, 2)};
  CHECK(judged_rows(f, 1, 64, shards, 1e15, 100).empty());
  const std::vector<std::int64_t> rows = judged_rows(f, 1, 64, shards, 1.0, 100);
  for (const std::int64_t row : {0, 999, 1000, 1999, 2000, 2047, 2048, 4095})
    CHECK(std::find(rows.begin(), rows.end(), row) != rows.end());
  CHECK(judged_rows(f, 1, 64, shards, 1.0, 10).size() == 10);
}

}  // namespace ringattn
