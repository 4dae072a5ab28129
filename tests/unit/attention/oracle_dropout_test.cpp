#include "attention/oracle_dropout.h"

#include "attention/counter_random.h"
#include "functions.h"
#include "oracle_inputs.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

namespace ringattn {
namespace {

using oracle::dropout_factors;
using oracle::dropout_keeps;
using test::check_close;
using test::evaluate;
using test::Inputs;
using test::inputs;

AttentionFunction dropping(AttentionFunction f, double probability, std::uint64_t seed) {
  f.dropout = probability;
  f.dropout_seed = seed;
  return f;
}

/// What is kept, as doubles 0 and 1: (batch, heads, n, n).
at::Tensor kept(std::int64_t batch, std::int64_t heads, std::int64_t n, double probability, std::uint64_t seed) {
  const AttentionFunction f = dropping(test::dense(n, heads, false), probability, seed);
  std::vector<std::int64_t> all_heads(static_cast<std::size_t>(heads)), rows(static_cast<std::size_t>(n));
  std::iota(all_heads.begin(), all_heads.end(), 0);
  std::iota(rows.begin(), rows.end(), 0);
  return dropout_factors(f, batch, all_heads, rows, 0, at::ones({n, n}, at::kDouble)).gt(0).to(at::kDouble);
}

/// Correlation coefficient of two equally long 0-1 samples of known mean.
double correlation(const at::Tensor& a, const at::Tensor& b, double mean) {
  return (a - mean).mul(b - mean).mean().item<double>() / (mean * (1 - mean));
}

constexpr std::uint64_t seed = 0x123456789ABCDEF0;

}  // namespace

TEST_CASE("the words are philox4x32 of (key / 4, query, head, batch) under the seed with a changed high half") {
  using Words = std::array<std::uint32_t, 4>;
  const std::array<std::uint32_t, 2> key{0x9ABCDEF0, 0x12345678 ^ 0xD50FF5ED};
  CHECK(philox4x32({0, 0, 0, 0}, key) == Words{0x028109a8, 0xf5bbb131, 0xd0db7d91, 0xec4aaa8b});
  CHECK(philox4x32({1, 5, 2, 1}, key) == Words{0xa91a8a97, 0xc5127fc2, 0xfa4f360b, 0xa40f3a6d});
  CHECK(philox4x32({1000, 4095, 3, 0}, key) == Words{0xc8d70164, 0x3d8d450a, 0x3c6afe48, 0x401f0bce});

  // Word 2 of the third line, 0x3c6afe48, belongs to key 4002: kept up to p = 0x3c6afe48 / 2³², dropped above.
  const double edge = 0x3c6afe48p-32;
  const AttentionFunction f = test::dense(8192, 4, false);
  CHECK(dropout_keeps(dropping(f, edge, seed), 0, 3, 4095, 4002));
  CHECK_FALSE(dropout_keeps(dropping(f, edge + 0x1p-32, seed), 0, 3, 4095, 4002));
  CHECK(dropout_keeps(dropping(f, edge + 0x1p-33, seed), 0, 3, 4095, 4002));  // ⌊p · 2³²⌋ is the same
}

TEST_CASE("the mask of batch 1, head 2, p = 0.3 is the recorded one, whatever part of it is asked for") {
  const std::array<std::string, 6> recorded{"11111.1..111111111.11111", "11.11.111111.111.111.11.",
                                            ".11111.1.11.11111.1111..", ".1...11.1..1.1.11.111.1.",
                                            "1.1111.1111111111111.111", "111.1111.111.11.1.111.11"};
  const AttentionFunction f = dropping(test::dense(24, 3, false), 0.3, seed);
  const std::vector<std::int64_t> rows{5, 0, 3, 2, 4, 1};
  for (const std::int64_t first : {0, 3, 18}) {
    const std::int64_t count = std::min<std::int64_t>(24 - first, 11);
    const at::Tensor factors = dropout_factors(f, 2, {2}, rows, first, at::ones({6, count}, at::kDouble));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (std::int64_t key = 0; key < count; ++key) {
        const std::string& wanted = recorded[static_cast<std::size_t>(rows[row])];
        const double value = factors[1][0][static_cast<std::int64_t>(row)][key].item<double>();
        CHECK(value == (wanted[static_cast<std::size_t>(first + key)] == '1' ? 1.0 / 0.7 : 0.0));
        CHECK(dropout_keeps(f, 1, 2, rows[row], first + key) == (value > 0));
      }
    }
  }
}

TEST_CASE("the share of what is kept is 1 - p within four standard deviations") {
  for (const double p : {0.01, 0.1, 0.5, 0.9}) {
    const at::Tensor mask = kept(2, 4, 256, p, seed);
    const auto count = static_cast<double>(mask.numel());
    CHECK(std::abs(mask.mean().item<double>() - (1 - p)) < 4 * std::sqrt(p * (1 - p) / count));
  }
  CHECK(kept(1, 1, 64, 0.0, seed).eq(1).all().item<bool>());
  CHECK(kept(1, 1, 64, 1.0, seed).eq(0).all().item<bool>());
}

TEST_CASE("neighbouring keys, queries, heads, batches and seeds are uncorrelated within four standard deviations") {
  const std::int64_t n = 256;
  for (const double p : {0.1, 0.5}) {
    const at::Tensor mask = kept(2, 4, n, p, seed);
    const auto check = [&](const at::Tensor& a, const at::Tensor& b) {
      CHECK(std::abs(correlation(a, b, 1 - p)) < 4 / std::sqrt(static_cast<double>(a.numel())));
    };
    const auto neighbours = [&](std::int64_t dim, std::int64_t distance) {
      const std::int64_t size = mask.size(dim) - distance;
      check(mask.narrow(dim, 0, size), mask.narrow(dim, distance, size));
    };
    for (const std::int64_t distance : {1, 2, 3, 4}) neighbours(3, distance);
    for (const std::int64_t distance : {1, 2}) neighbours(2, distance);
    neighbours(1, 1);
    neighbours(0, 1);
    check(mask, mask.transpose(2, 3).contiguous());
    check(mask, kept(2, 4, n, p, seed + 1));
    check(mask, kept(2, 4, n, p, seed + (std::uint64_t{1} << 32)));
  }
}

TEST_CASE("dropped weights vanish, the others grow by 1 / (1 - p), the logsumexp stays; by hand, p = 1/2, seed 7") {
  // Four queries, six keys of equal scores: each weight is 1/6. Kept: .111.. 1....1 .11111 1.....
  AttentionFunction f = dropping(test::dense(6, 1, false), 0.5, 7);
  const at::Tensor zero = at::zeros({1, 6, 1, 1}, at::kDouble);
  const at::Tensor value = at::tensor({1., 2., 4., 8., 16., 32.}, at::kDouble).view({1, 6, 1, 1});
  const OracleResult result = evaluate_oracle(f, zero, zero, value);
  const at::Tensor wanted = at::tensor({14. / 3, 33. / 3, 62. / 3, 1. / 3}, at::kDouble);
  check_close(result.out.flatten().narrow(0, 0, 4), wanted);
  check_close(result.lse.flatten(), at::full({6}, std::log(6.0), at::kDouble));
}

TEST_CASE(
    "dropout equals softmax, then the mask, then the values, for pairs, key heads, masks, blocks and chosen rows") {
  const Inputs in = inputs(2, 22, 4, 4, 2);
  AttentionFunction f = dropping(test::dilated_keys({{8, 1}, {22, 3}}, 22, 4, true), 0.3, seed);
  f.kv_heads = 2;
  f.mask = {.kind = MaskKind::keys, .is_per_head = false, .is_additive = false};
  const at::Tensor visible = at::arange(2 * 22).remainder(7).ne(3).view({2, 22});
  const at::Tensor bias = at::empty({2, 4, 22, 22}, at::kDouble);
  for (std::int64_t head = 0; head < 4; ++head) {
    for (std::int64_t query = 0; query < 22; ++query) {
      for (std::int64_t key = 0; key < 22; ++key) {
        const std::int64_t last = head < 2 ? query / 8 * 8 : 0;
        const bool dilated = head >= 2 && key % 3 != 1;  // o = 1 mod 3
        const bool shown = key >= last && key <= query && !dilated;
        bias.select(1, head).select(1, query).select(1, key).fill_(shown ? 0.0
                                                                         : -std::numeric_limits<double>::infinity());
      }
    }
  }
  bias.masked_fill_(visible.logical_not().view({2, 1, 1, 22}), -std::numeric_limits<double>::infinity());
  const at::Tensor key = in.key.repeat_interleave(2, 2).transpose(1, 2);
  const at::Tensor value = in.value.repeat_interleave(2, 2).transpose(1, 2);
  const at::Tensor scores = at::matmul(in.query.transpose(1, 2), key.transpose(2, 3)) * 0.5 + bias;
  const at::Tensor weights = test::softmax_or_zero(scores) * kept(2, 4, 22, 0.3, seed) / 0.7;
  const at::Tensor wanted = at::matmul(weights, value).transpose(1, 2);

  const OracleResult whole = evaluate(f, in, {.mask = visible});
  check_close(whole.out, wanted);
  check_close(whole.lse, at::logsumexp(scores, {-1}));
  check_close(evaluate(f, in, {.mask = visible, .block_rows = 5, .block_keys = 7}).out, wanted);
  const std::vector<std::int64_t> rows{21, 2, 9};
  check_close(evaluate(f, in, {.query_rows = rows, .mask = visible}).out,
              wanted.index_select(1, at::tensor(rows, at::kLong)));
}

TEST_CASE("join mean, softmax and groups drop the same keys in every pair") {
  const Inputs in = inputs(1, 12, 2, 4);
  AttentionFunction f = dropping(test::dense(12, 2, false), 0.4, seed);
  const at::Tensor once = evaluate(f, in).out;
  f.pairs = {{12, 1}, {12, 1}};
  for (const JoinRule join : {JoinRule::mean, JoinRule::softmax}) {
    f.axes.join = join;
    check_close(evaluate(f, in).out, once);
  }
  f.axes.heads = HeadRule::first;
  f.axes.join = JoinRule::groups;
  check_close(evaluate(f, in).out * 2, once);
}

TEST_CASE("everything dropped gives 0 and leaves the logsumexp; a dropped value that is no number does no harm") {
  Inputs in = inputs(1, 9, 2, 4);
  const OracleResult open = evaluate(test::dense(9, 2, true), in);
  const OracleResult none = evaluate(dropping(test::dense(9, 2, true), 1.0, seed), in);
  CHECK(none.out.eq(0).all().item<bool>());
  check_close(none.lse, open.lse);
  in.value.fill_(std::numeric_limits<double>::quiet_NaN());
  CHECK(evaluate(dropping(test::dense(9, 2, true), 1.0, seed), in).out.eq(0).all().item<bool>());
}

TEST_CASE("the mean over many seeds is the result without dropout within four standard errors") {
  const Inputs in = inputs(1, 8, 1, 2);
  const at::Tensor wanted = evaluate(test::dense(8, 1, false), in).out;
  const std::int64_t trials = 2000;
  at::Tensor sum = at::zeros_like(wanted), squares = at::zeros_like(wanted);
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const at::Tensor out = evaluate(dropping(test::dense(8, 1, false), 0.3, static_cast<std::uint64_t>(trial)), in).out;
    sum += out;
    squares += out * out;
  }
  const auto count = static_cast<double>(trials);
  const at::Tensor error = ((squares / count - (sum / count).square()) / count).sqrt();
  CHECK((sum / count - wanted).abs().lt(4 * error).all().item<bool>());
}

}  // namespace ringattn
