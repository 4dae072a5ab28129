#include "config/error.h"
#include "functions.h"
#include "oracle_inputs.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace ringattn {
namespace {

using test::check_close;
using test::evaluate;
using test::Inputs;
using test::inputs;

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

AttentionFunction masked(AttentionFunction f, MaskKind kind, bool per_head, bool additive) {
  f.mask = {.kind = kind, .is_per_head = per_head, .is_additive = additive};
  return f;
}

/// A scores mask with no pattern to it: hides about a third; shape (batch, matrices, n, n).
at::Tensor irregular(std::int64_t batch, std::int64_t matrices, std::int64_t n) {
  return at::arange(batch * matrices * n * n).mul(7919).remainder(101).gt(33).view({batch, matrices, n, n});
}

/// The textbook formula over all keys with an additive mask that broadcasts to (batch, heads, n, n).
at::Tensor textbook(const Inputs& in, const at::Tensor& bias, double scale) {
  const at::Tensor scores = at::matmul(in.query.transpose(1, 2), in.key.permute({0, 2, 3, 1})) * scale + bias;
  return at::matmul(test::softmax_or_zero(scores), in.value.transpose(1, 2)).transpose(1, 2);
}

at::Tensor as_bias(const at::Tensor& visible) {
  return at::zeros(visible.sizes(), at::kDouble).masked_fill(visible.logical_not(), minus_infinity);
}

}  // namespace

TEST_CASE("a boolean mask hides what is false: by key, for all heads alike, and by head; batch 1 serves all") {
  const Inputs in = inputs(2, 9, 3, 4);
  for (const std::int64_t batch : {1, 2}) {
    for (const bool per_head : {false, true}) {
      const AttentionFunction f = masked(test::dense(9, 3, false), MaskKind::scores, per_head, false);
      const at::Tensor mask = irregular(batch, per_head ? 3 : 1, 9);
      check_close(evaluate(f, in, {.mask = mask}).out, textbook(in, as_bias(mask), 0.5));
    }
    const AttentionFunction f = masked(test::dense(9, 3, false), MaskKind::keys, false, false);
    const at::Tensor mask = irregular(batch, 1, 9).select(2, 4).squeeze(1);
    check_close(evaluate(f, in, {.mask = mask}).out, textbook(in, as_bias(mask).unsqueeze(1).unsqueeze(1), 0.5));
  }
}

TEST_CASE("an additive mask is added to the scaled scores, and its -inf hides") {
  const Inputs in = inputs(2, 9, 3, 4);
  AttentionFunction f = masked(test::dense(9, 3, false), MaskKind::scores, true, true);
  f.softmax_scale = 0.3;
  const at::Tensor bias = at::arange(2 * 3 * 9 * 9, at::kDouble).mul(0.37).cos().mul(2).view({2, 3, 9, 9});
  const at::Tensor holed = bias.masked_fill(irregular(2, 3, 9).logical_not(), minus_infinity);
  const OracleResult result = evaluate(f, in, {.mask = holed});
  check_close(result.out, textbook(in, holed, 0.3));
  const at::Tensor scores = at::matmul(in.query.transpose(1, 2), in.key.permute({0, 2, 3, 1})) * 0.3 + holed;
  check_close(result.lse, at::logsumexp(scores, {-1}));
}

TEST_CASE("a boolean mask equals the additive one of 0 and -inf, under every block size and with chosen rows") {
  const Inputs in = inputs(2, 21, 3, 4);
  AttentionFunction f = test::dilated_keys({{8, 1}, {21, 2}, {21, 3}}, 21, 3, true);
  const at::Tensor mask = irregular(2, 3, 21);
  const OracleResult boolean = evaluate(masked(f, MaskKind::scores, true, false), in, {.mask = mask});
  const AttentionFunction additive = masked(f, MaskKind::scores, true, true);
  const OracleResult blocked = evaluate(additive, in, {.mask = as_bias(mask), .block_rows = 4, .block_keys = 5});
  check_close(blocked.out, boolean.out);
  check_close(blocked.lse, boolean.lse);
  const std::vector<std::int64_t> rows{20, 0, 11};
  const at::Tensor index = at::tensor(rows, at::kLong);
  const OracleResult chosen =
      evaluate(additive, in, {.query_rows = rows, .mask = as_bias(mask).index_select(2, index), .block_rows = 2});
  check_close(chosen.out, boolean.out.index_select(1, index));
  check_close(chosen.lse, boolean.lse.index_select(2, index));
}

TEST_CASE("a window, documents and causality equal explicit masks written from their definitions") {
  const std::int64_t n = 12;
  const Inputs in = inputs(1, n, 2, 4);
  const at::Tensor query = at::arange(n).unsqueeze(1), key = at::arange(n).unsqueeze(0);
  AttentionFunction f = test::dense(n, 2, false);
  f.window = {3, 2};
  check_close(evaluate(f, in).out, textbook(in, as_bias(key.ge(query - 3).logical_and(key.le(query + 2))), 0.5));
  f.window = {};
  f.documents = {0, 5, 12};
  check_close(evaluate(f, in).out, textbook(in, as_bias(key.ge(5).eq(query.ge(5))), 0.5));
  f.is_causal = true;
  f.window = {1, -1};
  const at::Tensor visible = key.ge(5).eq(query.ge(5)).logical_and(key.le(query)).logical_and(key.ge(query - 1));
  check_close(evaluate(f, in).out, textbook(in, as_bias(visible), 0.5));
}

TEST_CASE("a row whose keys are all hidden has out 0 and lse -inf, the others are untouched") {
  const Inputs in = inputs(1, 6, 2, 4);
  const AttentionFunction f = masked(test::dense(6, 2, true), MaskKind::scores, false, false);
  const at::Tensor mask = at::ones({1, 1, 6, 6}, at::kBool);
  mask.select(2, 3).fill_(false);
  mask.select(2, 0).select(2, 0).fill_(false);  // row 0 sees key 0 alone
  for (const std::int64_t block_keys : {2, 512}) {
    const OracleResult result = evaluate(f, in, {.mask = mask, .block_keys = block_keys});
    for (const std::int64_t row : {0, 3}) {
      CHECK(result.out.select(1, row).eq(0.0).all().item<bool>());
      CHECK(result.lse.select(2, row).eq(minus_infinity).all().item<bool>());
    }
    const OracleResult open = evaluate(test::dense(6, 2, true), in);
    check_close(result.out.narrow(1, 4, 2), open.out.narrow(1, 4, 2));
    check_close(result.out.narrow(1, 1, 2), open.out.narrow(1, 1, 2));
  }
}

TEST_CASE("a hidden key has no influence, NaN and Inf in key and value included") {
  Inputs in = inputs(2, 8, 2, 4);
  const at::Tensor hidden = at::zeros({2, 8}, at::kBool);
  hidden[0][2] = true;
  hidden[0][7] = true;
  hidden[1][5] = true;
  const at::Tensor bias = at::zeros({2, 8}).masked_fill(hidden, minus_infinity);
  const AttentionFunction additive = masked(test::dense(8, 2, false), MaskKind::keys, false, true);
  const AttentionFunction boolean = masked(test::dense(8, 2, false), MaskKind::keys, false, false);
  const OracleResult clean = evaluate(additive, in, {.mask = bias});
  in.key[0][2].fill_(std::numeric_limits<double>::quiet_NaN());
  in.value[0][7].fill_(std::numeric_limits<double>::infinity());
  in.key[1][5].fill_(std::numeric_limits<double>::infinity());
  in.value[1][5].fill_(std::numeric_limits<double>::quiet_NaN());
  for (const OracleResult& result :
       {evaluate(additive, in, {.mask = bias}), evaluate(boolean, in, {.mask = hidden.logical_not()}),
        evaluate(boolean, in, {.mask = hidden.logical_not(), .block_rows = 3, .block_keys = 3})}) {
    check_close(result.out, clean.out);
    check_close(result.lse, clean.lse);
  }
}

TEST_CASE("key heads are shared by consecutive query heads") {
  const Inputs in = inputs(2, 10, 6, 4, 2);
  for (AttentionFunction f : {test::dense(10, 6, true), test::dilated({{4, 1}, {10, 2}}, 10, 6, false)}) {
    const OracleResult repeated =
        evaluate_oracle(f, in.query, in.key.repeat_interleave(3, 2), in.value.repeat_interleave(3, 2));
    f.kv_heads = 2;
    const OracleResult grouped = evaluate(f, in);
    check_close(grouped.out, repeated.out);
    check_close(grouped.lse, repeated.lse);
  }
}

TEST_CASE("the softmax scale of the function replaces 1/√head_dim") {
  const Inputs in = inputs(1, 7, 2, 4);
  AttentionFunction f = test::dense(7, 2, false);
  f.softmax_scale = 0.5;
  check_close(evaluate(f, in).out, evaluate(test::dense(7, 2, false), in).out);
  f.softmax_scale = 2.0;
  check_close(evaluate(f, in).out, textbook(in, at::zeros({7, 7}, at::kDouble), 2.0));
  f.softmax_scale = 0.0;
  check_close(evaluate(f, in).out, in.value.mean(1, true).expand({1, 7, 2, 4}));
}

TEST_CASE("masks and heads that do not fit the function are refused by name") {
  const Inputs in = inputs(2, 8, 4, 4);
  const AttentionFunction none = test::dense(8, 4, false);
  const auto refused = [&](const AttentionFunction& f, const at::Tensor& mask, const char* message) {
    CHECK_THROWS_WITH_AS(evaluate(f, in, {.mask = mask}), message, UsageError);
  };
  refused(none, at::ones({2, 8}, at::kBool), "mask: one is given, but the function has none");
  const AttentionFunction keys = masked(none, MaskKind::keys, false, false);
  refused(keys, {}, "mask: the function has one, but none is given");
  refused(keys, at::ones({3, 8}, at::kBool), "mask: shape [3, 8], must be (2 or 1, 8)");
  refused(keys, at::ones({2, 8}), "mask: dtype Float, must be bool: it is not additive");
  const AttentionFunction scores = masked(none, MaskKind::scores, true, true);
  refused(scores, at::ones({1, 1, 8, 8}), "mask: shape [1, 1, 8, 8], must be (2 or 1, 4, 8, 8)");
  refused(scores, at::ones({1, 4, 8, 8}, at::kBool), "mask: dtype Bool, must be a floating one: it is additive");
  AttentionFunction grouped = none;
  grouped.kv_heads = 2;
  refused(grouped, {}, "key: 4 heads, but the function has 2");
  const Inputs shared = inputs(2, 8, 4, 4, 2);
  CHECK_THROWS_WITH_AS(evaluate(none, shared), "key: 2 heads, but the function has 4", UsageError);
  CHECK_THROWS_WITH_AS(evaluate_oracle(none, in.query, in.key.narrow(0, 0, 1), in.value),
                       "key: batch 1, but the query has 2", UsageError);
}

}  // namespace ringattn
