#include "attention/oracle.h"

#include "attention/attends.h"
#include "config/error.h"
#include "functions.h"
#include "oracle_inputs.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace ringattn {
namespace {

using test::check_close;
using test::Inputs;
using test::inputs;

/// log of the weight of (head, query, key) over all pairs, as an additive mask (1, heads, n, n).
at::Tensor additive_mask(const AttentionFunction& f, const Defects& defects) {
  const at::Tensor mask = at::zeros({1, f.heads, f.seq_len, f.seq_len}, at::kDouble);
  auto cells = mask.accessor<double, 4>();
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key) {
        std::int64_t weight = 0;
        for (std::size_t i = 0; i < f.pairs.size(); ++i) {
          weight += key_weight(f, defects, static_cast<std::int64_t>(i), head, query, key);
        }
        cells[0][head][query][key] = std::log(static_cast<double>(weight));
      }
    }
  }
  return mask;
}

/// The textbook formula over the whole (n, n) score matrix, rows without key as zero; (batch, n, heads, dim).
at::Tensor textbook(const AttentionFunction& f, const Inputs& in, const Defects& defects = {}) {
  const at::Tensor mask = additive_mask(f, defects);
  const at::Tensor out = at::scaled_dot_product_attention(in.query.transpose(1, 2), in.key.transpose(1, 2),
                                                          in.value.transpose(1, 2), mask);
  const at::Tensor empty = mask.amax(-1, true) == -std::numeric_limits<double>::infinity();
  return out.masked_fill(empty, 0.0).transpose(1, 2);
}

at::Tensor textbook_lse(const AttentionFunction& f, const Inputs& in, const Defects& defects = {}) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(in.query.size(3)));
  const at::Tensor scores = at::matmul(in.query.transpose(1, 2), in.key.permute({0, 2, 3, 1})) * scale;
  return at::logsumexp(scores + additive_mask(f, defects), {-1});
}

std::vector<AttentionFunction> samples(std::int64_t n, std::int64_t heads) {
  std::vector<AttentionFunction> list;
  for (const bool causal : {false, true}) {
    list.push_back(test::dense(n, heads, causal));
    list.push_back(test::dilated_keys({{8, 1}, {12, 2}, {n, 3}}, n, heads, causal));
    AttentionFunction undivided = test::dilated({{8, 1}, {12, 2}, {n, 3}}, n, heads, causal);
    undivided.axes.join = JoinRule::single;
    list.push_back(undivided);
  }
  return list;
}

}  // namespace

TEST_CASE("the oracle equals the textbook formula with an explicit mask, out and logsumexp") {
  for (const std::int64_t n : {1, 7, 24, 37}) {
    const Inputs in = inputs(2, n, 5, 4);
    for (const AttentionFunction& f : samples(n, 5)) {
      const OracleResult result = evaluate_oracle(f, in.query, in.key, in.value);
      check_close(result.out, textbook(f, in));
      check_close(result.lse, textbook_lse(f, in));
    }
  }
}

TEST_CASE("the result does not depend on the block sizes") {
  const Inputs in = inputs(1, 37, 5, 4);
  for (const AttentionFunction& f : samples(37, 5)) {
    const OracleResult whole = evaluate_oracle(f, in.query, in.key, in.value);
    OracleOptions options;
    options.block_rows = 3;
    options.block_keys = 5;
    const OracleResult blocked = evaluate_oracle(f, in.query, in.key, in.value, options);
    check_close(blocked.out, whole.out);
    check_close(blocked.lse, whole.lse);
  }
}

TEST_CASE("a row without key has out 0 and lse -inf") {
  const Inputs in = inputs(1, 8, 2, 4);
  const OracleResult result = evaluate_oracle(test::dilated({{4, 1}, {4, 2}}, 8, 2, false), in.query, in.key, in.value);
  CHECK(result.out[0][0][1].abs().max().item<double>() == 0.0);
  CHECK(result.lse[0][1][0].item<double>() == -std::numeric_limits<double>::infinity());
  CHECK(result.out[0][1][1].abs().max().item<double>() > 0.0);
}

TEST_CASE("join groups divides the result by G and leaves the logsumexp as it is") {
  const Inputs in = inputs(1, 24, 4, 4);
  AttentionFunction f = test::dilated({{8, 1}, {12, 2}, {24, 3}}, 24, 4, true);
  const OracleResult divided = evaluate_oracle(f, in.query, in.key, in.value);
  f.axes.join = JoinRule::single;
  const OracleResult whole = evaluate_oracle(f, in.query, in.key, in.value);
  check_close(divided.out * 3, whole.out);
  check_close(divided.lse, whole.lse);
}

TEST_CASE("an offset that goes by head gives each residue its own mask") {
  const Inputs in = inputs(1, 12, 4, 4);
  AttentionFunction f = test::dilated({{6, 3}}, 12, 4, true);
  f.axes.offset = OffsetRule::head;
  f.axes.heads = HeadRule::all;
  const OracleResult result = evaluate_oracle(f, in.query, in.key, in.value);
  check_close(result.out, textbook(f, in));
}

TEST_CASE("defects change the weights that the oracle uses") {
  const Inputs in = inputs(1, 20, 4, 4);
  const AttentionFunction f = test::dilated_keys({{10, 1}, {10, 3}}, 20, 4, true);
  for (const Defects& defects :
       {Defects{SlotCausal{}}, Defects{CyclicMultiset{}}, Defects{SlotCausal{}, CyclicMultiset{}}}) {
    OracleOptions options;
    options.defects = defects;
    options.block_keys = 7;
    const OracleResult result = evaluate_oracle(f, in.query, in.key, in.value, options);
    check_close(result.out, textbook(f, in, defects));
    check_close(result.lse, textbook_lse(f, in, defects));
    CHECK_FALSE(at::allclose(result.out, textbook(f, in)));
  }
}

TEST_CASE("chosen rows equal the same rows of the whole result, with keys from tensors or from a callback") {
  const Inputs in = inputs(2, 50, 3, 4);
  const AttentionFunction f = test::dilated_keys({{16, 1}, {16, 2}, {50, 3}}, 50, 3, true);
  const OracleResult whole = evaluate_oracle(f, in.query, in.key, in.value);
  OracleOptions options;
  options.query_rows = {49, 3, 17};
  options.block_keys = 8;
  const at::Tensor rows = at::tensor(options.query_rows, at::kLong);
  const OracleResult chosen = evaluate_oracle(f, in.query, in.key, in.value, options);
  check_close(chosen.out, whole.out.index_select(1, rows));
  check_close(chosen.lse, whole.lse.index_select(2, rows));

  std::int64_t next = 0;
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    CHECK(first == next);
    CHECK(count <= 8);
    next = first + count;
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  const OracleResult streamed = evaluate_oracle(f, in.query.index_select(1, rows), source, options);
  check_close(streamed.out, chosen.out);
  CHECK(next == 50);
}

TEST_CASE("keys that nobody attends are never asked for") {
  const Inputs in = inputs(1, 64, 1, 4);
  OracleOptions options;
  options.query_rows = {40};
  options.block_keys = 16;
  std::vector<std::int64_t> asked;
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    asked.push_back(first);
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  evaluate_oracle(test::dilated_keys({{16, 1}}, 64, 1, true), in.query.narrow(1, 40, 1), source, options);
  CHECK(asked == std::vector<std::int64_t>{32});
}

TEST_CASE("low-precision inputs are upcast exactly") {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf, at::kFloat}) {
    const Inputs in = inputs(1, 9, 2, 4);
    const Inputs low{in.query.to(dtype), in.key.to(dtype), in.value.to(dtype)};
    const Inputs rounded{low.query.to(at::kDouble), low.key.to(at::kDouble), low.value.to(at::kDouble)};
    const AttentionFunction f = test::dense(9, 2, true);
    check_close(evaluate_oracle(f, low.query, low.key, low.value).out, textbook(f, rounded));
  }
}

TEST_CASE("a NaN or Inf in a key or value reaches the rows that attend it and no other") {
  const AttentionFunction f = test::dense(8, 1, true);
  Inputs in = inputs(1, 8, 1, 4);
  const OracleResult clean = evaluate_oracle(f, in.query, in.key, in.value);
  in.value[0][5][0][1] = std::numeric_limits<double>::quiet_NaN();
  in.key[0][6][0][0] = std::numeric_limits<double>::quiet_NaN();
  const OracleResult result = evaluate_oracle(f, in.query, in.key, in.value);
  check_close(result.out.narrow(1, 0, 5), clean.out.narrow(1, 0, 5));
  check_close(result.out[0][5][0][0], clean.out[0][5][0][0]);
  CHECK(std::isnan(result.out[0][5][0][1].item<double>()));
  CHECK(at::isnan(result.out.narrow(1, 6, 2)).all().item<bool>());
  CHECK(at::isnan(result.lse.narrow(2, 6, 2)).all().item<bool>());
}

TEST_CASE("wrong shapes and rows are refused by name") {
  const Inputs in = inputs(1, 8, 2, 4);
  CHECK_THROWS_WITH_AS(evaluate_oracle(test::dense(9, 2, false), in.query, in.key, in.value),
                       "query: shape (batch, 9, heads, dim) of a floating dtype is wanted", UsageError);
  OracleOptions options;
  options.query_rows = {8};
  CHECK_THROWS_WITH_AS(evaluate_oracle(test::dense(8, 2, false), in.query, in.key, in.value, options),
                       "query_rows: 8 is outside [0, 8)", UsageError);
  CHECK_THROWS_AS(evaluate_oracle(test::dense(8, 3, false), in.query, in.key, in.value), UsageError);
}

}  // namespace ringattn
