#include "attention/oracle_gradient.h"

#include "attention/attends.h"
#include "attention/oracle_dropout.h"
#include "config/error.h"
#include "functions.h"
#include "oracle_inputs.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

using test::check_close;
using test::Inputs;
using test::inputs;

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

OracleGradient gradient(const AttentionFunction& f, const Inputs& in, const at::Tensor& grad_out,
                        const OracleOptions& options = {}) {
  return evaluate_oracle_gradient(f, in.query, in.key, in.value, grad_out, options);
}

/// Smooth, and unlike any of the inputs.
at::Tensor grad_like(const at::Tensor& query) {
  return at::arange(query.numel(), at::kDouble).mul(0.9).cos().view(query.sizes());
}

/// log of how often (head, query, key) counts through the pairs [first, end): (heads, n, n).
at::Tensor log_weights(const AttentionFunction& f, const Defects& defects, std::size_t first, std::size_t end) {
  const at::Tensor result = at::zeros({f.heads, f.seq_len, f.seq_len}, at::kDouble);
  auto cells = result.accessor<double, 3>();
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key) {
        std::int64_t weight = 0;
        for (std::size_t i = first; i < end; ++i) {
          weight += key_weight(f, defects, static_cast<std::int64_t>(i), head, query, key);
        }
        cells[head][query][key] = std::log(static_cast<double>(weight));
      }
    }
  }
  return result;
}

/// What the normalised weights are multiplied by: (batch, heads, n, n).
at::Tensor factors(const AttentionFunction& f, std::int64_t batch) {
  const at::Tensor result = at::ones({batch, f.heads, f.seq_len, f.seq_len}, at::kDouble);
  if (f.dropout == 0) return result;
  auto cells = result.accessor<double, 4>();
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t head = 0; head < f.heads; ++head) {
      for (std::int64_t query = 0; query < f.seq_len; ++query) {
        for (std::int64_t key = 0; key < f.seq_len; ++key) {
          cells[b][head][query][key] = oracle::dropout_keeps(f, b, head, query, key) ? 1.0 / (1.0 - f.dropout) : 0.0;
        }
      }
    }
  }
  return result;
}

/// The function as whole matrices, for LibTorch to differentiate.
at::Tensor naive_out(const AttentionFunction& f, const Inputs& in, const OracleOptions& options) {
  const std::int64_t share = f.heads / f.key_heads();
  const at::Tensor key = in.key.repeat_interleave(share, 2), value = in.value.repeat_interleave(share, 2);
  const double scale = f.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(in.query.size(3))));
  at::Tensor scores = at::matmul(in.query.transpose(1, 2), key.permute({0, 2, 3, 1})) * scale;
  if (options.mask.defined()) {
    at::Tensor bias = options.mask;
    if (!f.mask.is_additive) bias = at::zeros(bias.sizes()).masked_fill(options.mask.logical_not(), minus_infinity);
    scores = scores + (bias.dim() == 2 ? bias.unsqueeze(1).unsqueeze(1) : bias);
  }
  const auto softmax_of = [&](std::size_t first, std::size_t end) {
    const at::Tensor counted = scores + log_weights(f, options.defects, first, end);
    const at::Tensor empty = counted.amax(-1, true).eq(minus_infinity);
    const at::Tensor weights = at::softmax(counted.masked_fill(empty, 0.0), -1).masked_fill(empty, 0.0);
    return at::matmul(weights * factors(f, in.query.size(0)), value.transpose(1, 2)).transpose(1, 2);
  };
  const auto pairs = static_cast<double>(f.pairs.size());
  if (f.axes.join != JoinRule::mean) {
    const at::Tensor out = softmax_of(0, f.pairs.size());
    return f.axes.join == JoinRule::groups ? out / pairs : out;
  }
  at::Tensor sum = softmax_of(0, 1);
  for (std::size_t i = 1; i < f.pairs.size(); ++i) sum = sum + softmax_of(i, i + 1);
  return sum / pairs;
}

/// LibTorch's own derivatives of that.
OracleGradient autograd(const AttentionFunction& f, const Inputs& in, const at::Tensor& grad_out,
                        const OracleOptions& options = {}) {
  Inputs leaf{in.query.detach().clone(), in.key.detach().clone(), in.value.detach().clone()};
  for (at::Tensor* tensor : {&leaf.query, &leaf.key, &leaf.value}) tensor->set_requires_grad(true);
  naive_out(f, leaf, options).backward(grad_out);
  return {leaf.query.grad(), leaf.key.grad(), leaf.value.grad()};
}

void check_close(const OracleGradient& seen, const OracleGradient& wanted) {
  check_close(seen.query, wanted.query);
  check_close(seen.key, wanted.key);
  check_close(seen.value, wanted.value);
}

/// One of each kind of pattern, on n rows and four heads.
std::vector<AttentionFunction> patterns(std::int64_t n) {
  std::vector<AttentionFunction> list{test::dense(n, 4, false), test::dilated({{8, 1}, {12, 2}}, n, 4, false),
                                      test::dilated_keys({{8, 1}, {10, 2}, {n, 3}}, n, 4, false)};
  AttentionFunction longnet = test::dilated({{8, 1}, {12, 3}}, n, 4, false);
  longnet.axes.heads = HeadRule::all;
  longnet.axes.offset = OffsetRule::head;
  longnet.axes.join = JoinRule::softmax;
  list.push_back(longnet);
  longnet.axes.join = JoinRule::mean;
  longnet.axes.offset = OffsetRule::segment;
  list.push_back(longnet);
  AttentionFunction residue = test::dilated({{9, 2}, {n, 3}}, n, 4, false);
  residue.axes = {Placement::spans, HeadRule::all,    OffsetRule::pair, QueryRule::all,
                  KeyRule::residue, JoinRule::single, OrderRule::snake, TailRule::shortened};
  list.push_back(residue);
  AttentionFunction strided = test::dilated_keys({{8, 2}, {8, 3}}, n, 4, false);
  strided.axes.placement = Placement::whole;
  strided.axes.keys = KeyRule::sequence;
  list.push_back(strided);
  AttentionFunction curved = test::dilated({{16, 2}, {16, 3}}, n, 4, false);
  curved.axes.order = OrderRule::hilbert;
  curved.axes.tail = TailRule::zero;
  curved.axes.heads = HeadRule::drop;
  list.push_back(curved);
  return list;
}

}  // namespace

TEST_CASE("two keys of equal scores, by hand") {
  // One head of dim 1, scale 1: p = 1/2 each, out = (v_0 + v_1) / 2 = 3, g = 10 for row 0, 0 for row 1.
  AttentionFunction f = test::dense(2, 1, false);
  const auto column = [](double a, double b) { return at::tensor({a, b}, at::kDouble).view({1, 2, 1, 1}); };
  const Inputs in{column(2, 5), column(3, 3), column(2, 4)};
  const OracleGradient seen = gradient(f, in, column(10, 0));
  check_close(seen.value, column(5, 5));
  // ∂s = p (g v_j - g out) = (-5, 5); dk_j = ∂s_j q_0; dq_0 = -5 · 3 + 5 · 3.
  check_close(seen.key, column(-10, 10));
  check_close(seen.query, column(0, 0));

  f.is_causal = true;  // row 0 sees key 0 alone: out = v_0 whatever the score
  const OracleGradient causal = gradient(f, in, column(10, 0));
  check_close(causal.value, column(10, 0));
  check_close(causal.key, column(0, 0));
}

TEST_CASE("every kind of pattern and join, causal or not, equals LibTorch's derivatives of the whole matrices") {
  for (const std::int64_t n : {1, 7, 26, 32}) {
    const Inputs in = inputs(2, n, 4, 4);
    const at::Tensor grad_out = grad_like(in.query);
    for (AttentionFunction f : patterns(n)) {
      for (const bool causal : {false, true}) {
        f.is_causal = causal;
        check_close(gradient(f, in, grad_out), autograd(f, in, grad_out));
      }
    }
  }
}

TEST_CASE("window, documents, scale, key heads, dropout and masks together equal LibTorch's derivatives") {
  const std::int64_t n = 26;
  const Inputs in = inputs(2, n, 4, 4, 2);
  const at::Tensor grad_out = grad_like(in.query);
  const at::Tensor keys = at::arange(2 * n).remainder(7).ne(3).view({2, n});
  const at::Tensor scores = at::arange(4 * n * n).mul(0.37).sin().to(at::kDouble).view({1, 4, n, n});
  scores.masked_fill_(scores.gt(0.8), minus_infinity);
  for (AttentionFunction f : patterns(n)) {
    f.is_causal = true;
    f.kv_heads = 2;
    f.window = {11, -1};
    f.documents = {0, 5, 20, n};
    f.softmax_scale = 0.7;
    f.dropout = 0.3;
    f.dropout_seed = 11;
    f.mask = {.kind = MaskKind::keys, .is_per_head = false, .is_additive = false};
    check_close(gradient(f, in, grad_out, {.mask = keys}), autograd(f, in, grad_out, {.mask = keys}));
    f.mask = {.kind = MaskKind::scores, .is_per_head = true, .is_additive = true};
    check_close(gradient(f, in, grad_out, {.mask = scores}), autograd(f, in, grad_out, {.mask = scores}));
  }
}

TEST_CASE("finite differences in random directions agree, by a formula that shares nothing with the gradient") {
  const Inputs in = inputs(1, 20, 4, 4, 2);
  const at::Tensor grad_out = grad_like(in.query);
  for (AttentionFunction f : patterns(20)) {
    f.kv_heads = 2;
    f.dropout = 0.2;
    const OracleGradient seen = gradient(f, in, grad_out);
    const auto direction = [](const at::Tensor& like) { return at::arange(like.numel()).mul(1.7).cos().view_as(like); };
    const Inputs d{direction(in.query), direction(in.key), direction(in.value)};
    const auto loss = [&](double h) {
      const auto at_h = [&](const at::Tensor& x, const at::Tensor& v) { return x + v.to(at::kDouble) * h; };
      const Inputs moved{at_h(in.query, d.query), at_h(in.key, d.key), at_h(in.value, d.value)};
      return test::evaluate(f, moved).out.mul(grad_out).sum().item<double>();
    };
    const double h = 1e-4;
    const double measured = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
    const double foretold = (seen.query * d.query).sum().item<double>() + (seen.key * d.key).sum().item<double>() +
                            (seen.value * d.value).sum().item<double>();
    CHECK(measured == doctest::Approx(foretold).epsilon(1e-9));
  }
}

TEST_CASE("keys that count several times, and slots for places") {
  const Inputs in = inputs(1, 20, 4, 4);
  const at::Tensor grad_out = grad_like(in.query);
  const AttentionFunction f = test::dilated_keys({{10, 1}, {10, 3}}, 20, 4, true);
  for (const Defects& defects : {Defects{SlotCausal{}}, Defects{SlotCausal{}, CyclicMultiset{}}}) {
    check_close(gradient(f, in, grad_out, {.defects = defects}), autograd(f, in, grad_out, {.defects = defects}));
  }
}

TEST_CASE("the result does not depend on the block sizes") {
  const Inputs in = inputs(1, 37, 4, 4);
  const at::Tensor grad_out = grad_like(in.query);
  for (const AttentionFunction& f : patterns(37)) {
    check_close(gradient(f, in, grad_out, {.block_rows = 3, .block_keys = 5}), gradient(f, in, grad_out));
  }
}

TEST_CASE("chosen queries contribute what all contribute where the other rows of grad_out are 0") {
  const Inputs in = inputs(2, 50, 4, 4, 2);
  const std::vector<std::int64_t> rows{49, 3, 17};
  const at::Tensor index = at::tensor(rows, at::kLong);
  const at::Tensor all = grad_like(in.query);
  at::Tensor alone = at::zeros_like(all);
  alone.index_copy_(1, index, all.index_select(1, index));
  AttentionFunction f = test::dilated_keys({{16, 1}, {16, 2}, {50, 3}}, 50, 4, true);
  f.kv_heads = 2;
  OracleOptions options;
  options.query_rows = rows;
  options.block_keys = 8;
  const OracleGradient whole = gradient(f, in, alone);
  const OracleGradient chosen = gradient(f, in, all.index_select(1, index), options);
  check_close(chosen.query, whole.query.index_select(1, index));
  check_close(chosen.key, whole.key);
  check_close(chosen.value, whole.value);

  // The same where keys come from a callback, which sees each chunk twice in order, and some rows of dk are wanted.
  std::int64_t calls = 0;
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    CHECK(first == 8 * (calls++ % 7));
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  const std::vector<std::int64_t> key_rows{0, 7, 8, 30, 49};
  const at::Tensor key_index = at::tensor(key_rows, at::kLong);
  const OracleGradient some = evaluate_oracle_gradient(f, in.query.index_select(1, index), source,
                                                       all.index_select(1, index), {.key_rows = key_rows}, options);
  CHECK(calls == 14);
  check_close(some.query, chosen.query);
  check_close(some.key, whole.key.index_select(1, key_index));
  check_close(some.value, whole.value.index_select(1, key_index));
}

TEST_CASE("pairs with other keys than those that are summed add nothing, and disjoint sets of keys add up to all") {
  const Inputs in = inputs(2, 23, 4, 4);
  const at::Tensor grad_out = grad_like(in.query);
  const std::vector<std::vector<std::int64_t>> sets{{0, 1, 2, 9, 22}, {3, 4, 5, 6, 7, 8}, {}, {10, 12, 14, 16, 18, 20}};
  std::vector<std::int64_t> all(23), rest;
  std::iota(all.begin(), all.end(), 0);
  for (const std::int64_t key : all) {
    const auto has = [&](const auto& set) { return std::find(set.begin(), set.end(), key) != set.end(); };
    if (std::none_of(sets.begin(), sets.end(), has)) rest.push_back(key);
  }
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  for (const AttentionFunction& f : patterns(23)) {
    const auto over = [&](const std::optional<std::vector<std::int64_t>>& keys) {
      return evaluate_oracle_gradient(f, in.query, source, grad_out,
                                      {.key_rows = all, .summed_keys = keys, .sensitivity = true}, {.block_keys = 7});
    };
    const OracleGradient whole = over({});
    OracleGradient sum = over(rest);
    for (const std::vector<std::int64_t>& set : sets) {
      const OracleGradient part = over(set);
      at::Tensor outside = at::ones({23}, at::kBool);
      outside.index_fill_(0, at::tensor(set, at::kLong), false);
      CHECK_FALSE(part.key.masked_select(outside.view({1, 23, 1, 1})).any().item<bool>());
      CHECK_FALSE(part.value.masked_select(outside.view({1, 23, 1, 1})).any().item<bool>());
      sum.query.add_(part.query);
      sum.key.add_(part.key);
      sum.value.add_(part.value);
      sum.sensitivity.query.add_(part.sensitivity.query);
      sum.sensitivity.key.add_(part.sensitivity.key);
    }
    check_close(sum, whole);
    check_close(sum.sensitivity.query, whole.sensitivity.query);
    check_close(sum.sensitivity.key, whole.sensitivity.key);
  }
  CHECK_THROWS_WITH_AS(evaluate_oracle_gradient(test::dense(23, 4, false), in.query, source, grad_out,
                                                {.key_rows = all, .summed_keys = {{4, 4}}}),
                       "summed_keys/1: 4 must be more than the row before it, 4", UsageError);
}

TEST_CASE("hidden keys, rows without key and their grad_out have no influence, NaN and Inf included") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  Inputs in = inputs(2, 8, 2, 4);
  at::Tensor grad_out = grad_like(in.query);
  AttentionFunction f = test::dense(8, 2, true);
  f.mask = {.kind = MaskKind::keys, .is_per_head = false, .is_additive = false};
  const at::Tensor visible = at::ones({2, 8}, at::kBool);
  visible.select(1, 0).fill_(false);  // row 0 sees nothing
  visible[1][5] = false;
  const OracleGradient clean = gradient(f, in, grad_out, {.mask = visible});
  CHECK(clean.query.select(1, 0).eq(0).all().item<bool>());
  CHECK(clean.key.select(1, 0).eq(0).all().item<bool>());
  in.key.select(1, 0).fill_(nan);
  in.value.select(1, 0).fill_(infinity);
  in.query.select(1, 0).fill_(nan);
  grad_out.select(1, 0).fill_(infinity);
  in.key[1][5].fill_(infinity);
  in.value[1][5].fill_(nan);
  check_close(gradient(f, in, grad_out, {.mask = visible}), clean);
  check_close(gradient(f, in, grad_out, {.mask = visible, .block_rows = 3, .block_keys = 3}), clean);
}

TEST_CASE("a dropped key's value has no influence, and with p = 1 nothing has a gradient") {
  Inputs in = inputs(1, 6, 1, 4);
  const at::Tensor grad_out = grad_like(in.query);
  AttentionFunction f = test::dense(6, 1, false);
  f.dropout = 0.5;
  f.dropout_seed = 7;  // rows 0 to 3 keep .111.. 1....1 .11111 1.....
  const OracleOptions rows{.query_rows = {0, 2}};
  const at::Tensor own = grad_out.index_select(1, at::tensor({0, 2}, at::kLong));
  const OracleGradient clean = gradient(f, in, own, rows);
  in.value[0][0].fill_(std::numeric_limits<double>::quiet_NaN());
  check_close(gradient(f, in, own, rows), clean);
  f.dropout = 1.0;
  const OracleGradient none = gradient(f, in, grad_out);
  for (const at::Tensor& tensor : {none.query, none.key, none.value}) CHECK(tensor.eq(0).all().item<bool>());
}

TEST_CASE("the sensitivity of one row and two keys, by hand") {
  // dim 1, scale 1, q = 2, k = (3, -1), v = (1, 5), g = 10; p_0 = 1 / (1 + e^-8).
  AttentionFunction f = test::dense(2, 1, false);
  const auto column = [](double a, double b) { return at::tensor({a, b}, at::kDouble).view({1, 2, 1, 1}); };
  const at::Tensor query = column(2, 0).narrow(1, 0, 1), key = column(3, -1), value = column(1, 5);
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{key.narrow(1, first, count), value.narrow(1, first, count)};
  };
  const OracleGradient seen = evaluate_oracle_gradient(f, query, source, column(10, 0).narrow(1, 0, 1),
                                                       {.key_rows = {0, 1}, .sensitivity = true}, {.query_rows = {0}});
  const double p0 = 1.0 / (1.0 + std::exp(-8.0)), p1 = 1.0 - p0, out = p0 + 5 * p1, d = 10 * out, w = 10 * out;
  const double w0 = p0 * ((10 + d) * 6 + 10 + w), w1 = p1 * ((50 + d) * 2 + 50 + w);
  const auto near = [](const at::Tensor& tensor, std::int64_t row, double wanted) {
    CHECK(tensor[0][row][0].item<double>() == doctest::Approx(wanted).epsilon(1e-12));
  };
  near(seen.sensitivity.query, 0, 3 * w0 + w1);
  near(seen.sensitivity.key, 0, 2 * w0);
  near(seen.sensitivity.key, 1, 2 * w1);
  near(seen.sensitivity.value, 0, p0 * 7 * 10);
  near(seen.sensitivity.value, 1, p1 * 3 * 10);
  const double s0 = p0 * (10 - d), s1 = p1 * (50 - d), half = std::sqrt(0.5);
  near(seen.sensitivity.query_in_type, 0, std::hypot(10 * out * (3 * p0 - p1), half * 3 * s0, half * s1));
  near(seen.sensitivity.key_in_type, 0, std::hypot(p0 * 10 * out * 2, half * s0 * 2));
  near(seen.sensitivity.key_in_type, 1, std::hypot(p1 * 10 * out * 2, half * s1 * 2));
  near(seen.sensitivity.value_in_type, 0, half * p0 * 10);
  near(seen.sensitivity.value_in_type, 1, half * p1 * 10);
  CHECK(seen.value.size(3) == 1);
  const OracleGradient plain = evaluate_oracle_gradient(f, query, source, column(10, 0).narrow(1, 0, 1),
                                                        {.key_rows = {0, 1}}, {.query_rows = {0}});
  check_close(seen, plain);
  CHECK_FALSE(plain.sensitivity.query.defined());
}

TEST_CASE("what does not fit is refused by name") {
  const Inputs in = inputs(2, 8, 4, 4);
  const AttentionFunction f = test::dense(8, 4, false);
  const at::Tensor grad_out = grad_like(in.query);
  const auto refused = [&](const at::Tensor& given, const OracleOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(gradient(f, in, given, options), message, UsageError);
  };
  refused(grad_out.narrow(1, 0, 7), {}, "grad_out: shape (batch, 8, heads, dim) of a floating dtype is wanted");
  refused(grad_out.narrow(0, 0, 1), {}, "grad_out: batch 1, but the query has 2");
  refused(grad_out.narrow(2, 0, 2), {}, "grad_out: 2 heads, but the function has 4");
  refused(grad_out.narrow(3, 0, 3), {}, "grad_out: dim 3, but the value has 4");
  refused(grad_out, {.query_rows = {1, 2}}, "grad_out: shape (batch, 2, heads, dim) of a floating dtype is wanted");
  refused(grad_out, {.defects = {find_defect("chunk_sum", 2)}},
          "defects: the gradient of chunk_sum has no formula here");
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  const auto rows_refused = [&](const std::vector<std::int64_t>& rows, const char* message) {
    CHECK_THROWS_WITH_AS(evaluate_oracle_gradient(f, in.query, source, grad_out, {.key_rows = rows}), message,
                         UsageError);
  };
  rows_refused({0, 8}, "key_rows/1: 8 must be in [0, 8)");
  rows_refused({3, 3}, "key_rows/1: 3 must be more than the row before it, 3");
}

}  // namespace ringattn
