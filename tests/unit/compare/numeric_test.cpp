#include "compare/numeric.h"

#include "tests/unit/compare/dense_attention.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <ctime>
#include <limits>
#include <string>

namespace ringattn {
namespace {

using test::direct_of;
using test::oracle_of;
using test::Problem;
using test::random_problem;
using test::ring_attention;
using test::visible;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

OracleContext context_of(const Problem& problem) {
  OracleContext context;
  context.baseline = direct_of(problem);
  context.inputs = input_magnitude(problem.query, problem.key, problem.value);
  return context;
}

NumericVerdict judge(const Problem& problem, const Partial& result) {
  return judge_against_oracle(result, oracle_of(problem), context_of(problem));
}

Partial copy_of(const Partial& partial) { return {partial.out.clone(), partial.lse.clone()}; }

/// out (1, n, 1, 1) of ones in fp64 and a zero lse: a place to put single errors.
Partial ones(std::int64_t n, at::ScalarType dtype = at::kDouble) {
  return {at::ones({1, n, 1, 1}, dtype), at::zeros({1, 1, n}, dtype)};
}

TEST_CASE("a ring's rounding passes in fp32, bf16 and fp16, causal and not, whatever n") {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const bool causal : {false, true}) {
      for (const std::int64_t n : {1, 63, 64, 200, 512}) {
        CAPTURE(c10::toString(dtype));
        CAPTURE(causal);
        CAPTURE(n);
        const Problem problem = random_problem(n, dtype, causal);
        const NumericVerdict verdict = judge(problem, ring_attention(problem, n % 8 == 0 ? 8 : 1));
        CHECK_MESSAGE(verdict.passed, verdict.reason);
        CHECK(verdict.tier == (dtype == at::kFloat ? Tier::logic : Tier::precision));
        REQUIRE(verdict.tensors.size() == 2);
        CHECK(verdict.tensors[0].elements == n * 2 * 32);
        CHECK(verdict.tensors[0].first_bad_row == -1);
        CHECK_FALSE(verdict.tensors[0].details.has_value());
      }
    }
  }
}

TEST_CASE("every mutant of a ring fails in fp32, and by far") {
  const Problem problem = random_problem(512, at::kFloat);
  const Partial right = ring_attention(problem, 8);
  REQUIRE(judge(problem, right).passed);

  const auto fails = [&](const char* name, const Partial& result, std::int64_t first_bad_row) {
    CAPTURE(name);
    const NumericVerdict verdict = judge(problem, result);
    CHECK_FALSE(verdict.passed);
    CHECK_FALSE(verdict.reason.empty());
    const TensorVerdict* failed = most_telling(verdict);
    REQUIRE(failed != nullptr);
    CHECK_FALSE(failed->passed);
    CHECK(failed->worst_block.ratio > 10.0);
    CHECK(failed->first_bad_row == first_bad_row);
    CHECK(failed->details.has_value());
  };
  fails("causal off by one in the last block of rows",
        test::dense_attention(problem, at::kFloat, visible(problem, 1, 448)), 448);
  fails("lse drift of -0.05 mid-ring", ring_attention(problem, 8, {.lse_drift = -0.05}), 128);
  fails("lse scaled by 1.01", ring_attention(problem, 8, {.lse_factor = 1.01}), 128);
  fails("one key block dropped", ring_attention(problem, 8, {.dropped = 3}), 192);
  fails("values of the wrong head in one block", ring_attention(problem, 8, {.swapped = 7}), 448);
  fails("all zero", {at::zeros_like(right.out), right.lse}, 0);

  Partial broken = copy_of(right);
  broken.out.select(1, 300).fill_(nan_value);
  fails("NaN in one row", broken, 300);
  CHECK(judge(problem, broken).tensors[0].nonfinite_mismatched == 64);

  broken = copy_of(right);
  broken.out.narrow(1, 509, 3).fill_(1e30);
  fails("a tail that was never written", broken, 509);

  broken = copy_of(right);
  broken.lse.add_(3e-4);
  CHECK_FALSE(judge(problem, broken).passed);
  CHECK(judge(problem, broken).tensors[0].passed);
}

TEST_CASE("the precision tier catches in bf16 what a tolerance of 2.5e-2 lets through") {
  const Problem problem = random_problem(512, at::kBFloat16);
  const Partial oracle = oracle_of(problem);
  Partial off_by_one = test::dense_attention(problem, at::kFloat, visible(problem, 1, 448));
  off_by_one.out = off_by_one.out.to(at::kBFloat16);
  off_by_one.lse = oracle.lse.to(at::kFloat);  // a right lse: out alone must give it away
  const Partial drift = ring_attention(problem, 8, {.lse_drift = -0.05});
  for (const Partial& mutant :
       {off_by_one, drift, ring_attention(problem, 8, {.swapped = 7}), ring_attention(problem, 8, {.dropped = 3})}) {
    const NumericVerdict verdict = judge(problem, {mutant.out, oracle.lse.to(at::kFloat)});
    CHECK_FALSE(verdict.passed);
    CHECK(verdict.tensors[0].worst_block.allowed == 2.0);
    CHECK(verdict.tensors[0].worst_block.ratio > 2.0);
    CHECK(verdict.tensors[1].passed);
  }
  CHECK_FALSE(judge(problem, ring_attention(problem, 8, {.lse_factor = 1.01})).passed);
}

TEST_CASE("a row with one key must be exact in low precision, unless its baseline rounds alike") {
  const Problem problem = random_problem(128, at::kBFloat16);
  OracleContext context = context_of(problem);
  context.single_key_rows = at::zeros({128}, at::kBool);
  context.single_key_rows[0] = true;  // causal: row 0 sees itself alone
  const Partial oracle = oracle_of(problem);
  const Partial right = ring_attention(problem, 8);
  CHECK(judge_against_oracle(right, oracle, context).passed);

  Partial last_bit = copy_of(right);
  const at::Tensor element = last_bit.out.select(1, 0).select(1, 1).narrow(1, 5, 1);
  element.mul_(1.0 + 1.0 / 128.0);
  const NumericVerdict verdict = judge_against_oracle(last_bit, oracle, context);
  CHECK_FALSE(verdict.passed);
  CHECK(verdict.tensors[0].mismatched == 1);
  CHECK(verdict.tensors[0].first_bad_row == 0);
  CHECK(verdict.reason == "out: 1 elements of rows with one key are not exact");

  context.baseline = last_bit;
  CHECK_FALSE(judge_against_oracle(last_bit, oracle, context).passed);
  context.baseline_kind = BaselineKind::own_formula;
  CHECK(judge_against_oracle(last_bit, oracle, context).passed);
}

TEST_CASE("a row with one key may be 0 where its value is subnormal, and nowhere else") {
  const Problem problem = random_problem(128, at::kBFloat16);
  OracleContext context = context_of(problem);
  context.single_key_rows = at::zeros({128}, at::kBool);
  context.single_key_rows[0] = true;
  Partial oracle = copy_of(oracle_of(problem)), flushed = ring_attention(problem, 8);
  const auto element = [](const Partial& partial) { return partial.out.select(1, 0).select(1, 1).narrow(1, 5, 1); };
  element(flushed).fill_(0.0);
  element(oracle).fill_(1e-39);
  CHECK(judge_against_oracle(flushed, oracle, context).passed);
  element(oracle).fill_(1e-30);
  CHECK_FALSE(judge_against_oracle(flushed, oracle, context).passed);
}

TEST_CASE("an old implementation's plain bf16 arithmetic is judged by its own formula, lse too") {
  const Problem problem = random_problem(512, at::kBFloat16);
  const Partial plain = test::dense_attention(problem, at::kBFloat16, visible(problem));
  CHECK_FALSE(judge(problem, plain).passed);
  OracleContext context = context_of(problem);
  context.baseline = plain;
  CHECK_FALSE(judge_against_oracle(plain, oracle_of(problem), context).passed);  // lse beyond 1e-3
  context.baseline_kind = BaselineKind::own_formula;
  CHECK(judge_against_oracle(plain, oracle_of(problem), context).passed);
}

TEST_CASE("fp64 is judged at 1e-12") {
  const Problem problem = random_problem(200, at::kDouble);
  const Partial oracle = oracle_of(problem);
  Partial result = copy_of(oracle);
  result.out.add_(5e-13);
  CHECK(judge_against_oracle(result, oracle, {}).passed);
  CHECK(judge_against_oracle(result, oracle, {}).tier == Tier::fp64);
  result.out.add_(5e-12);
  CHECK_FALSE(judge_against_oracle(result, oracle, {}).passed);
}

TEST_CASE("an error exactly at the tolerance passes and the next number fails") {
  const Partial want = ones(3);
  Partial got = ones(3);
  const Tolerance tolerance{.rtol = 0.25, .atol = 0.5};
  got.out[0][1][0][0] = 1.75;
  CHECK(judge_tolerance(got, want, tolerance, "standard").passed);
  got.out[0][1][0][0] = std::nextafter(1.75, 2.0);
  const NumericVerdict verdict = judge_tolerance(got, want, tolerance, "standard");
  CHECK_FALSE(verdict.passed);
  CHECK(verdict.against == "standard");
  CHECK(verdict.tensors[0].mismatched == 1);
  CHECK(verdict.tensors[0].first_bad_row == 1);
}

TEST_CASE("the required tolerance, worst element and worst block are those of the largest error") {
  Partial want{at::ones({2, 130, 3, 4}, at::kDouble), {}};
  Partial got{want.out.clone(), {}};
  got.out[1][129][2][3] = 1.5;
  got.out[0][70][1][0] = 0.75;
  want.out[0][2][0][1] = 0.0;
  got.out[0][2][0][1] = 1e-6;
  const TensorVerdict out = judge_tolerance(got, want, {}, "new").tensors.at(0);
  CHECK(out.worst_abs == ElementError{{1, 129, 2, 3}, 1.5, 1.0, 0.5, 0.5});
  CHECK(out.worst_row == 129);
  CHECK(out.first_bad_row == 70);
  CHECK(out.mismatched == 2);
  CHECK(out.required_atol == 0.5);
  CHECK(out.required_rtol == inf);
  CHECK(out.worst_rel.index == ElementIndex{0, 2, 0, 1});
  CHECK(out.worst_block.batch == 1);
  CHECK(out.worst_block.head == 2);
  CHECK(out.worst_block.first_row == 128);
  CHECK(out.worst_block.last_row == 129);
  CHECK(out.worst_block.ratio == doctest::Approx(0.5 / (1e-5 + 1e-3)));
  REQUIRE(out.details.has_value());
  CHECK(out.details->got.max == 1.5);
  CHECK(out.details->got.max_index == ElementIndex{1, 129, 2, 3});
  CHECK(out.details->want.min == 0.0);
  CHECK(out.details->want.min_index == ElementIndex{0, 2, 0, 1});
  CHECK(out.details->got.abs_p50 == 1.0);
  std::int64_t counted = 0;
  for (const std::int64_t count : out.details->histogram.counts) counted += count;
  CHECK(counted == out.elements);
  CHECK(out.details->histogram.counts.at(11) == 2);  // 0.25 and 0.5 lie in [1e-1, 1)
  CHECK(out.details->histogram.counts.at(6) == 1);   // 1e-6
}

TEST_CASE("a verdict on chosen rows names the rows of the sequence") {
  Partial got = ones(3);
  got.out[0][1][0][0] = 2.0;
  NumericVerdict verdict = judge_tolerance(got, ones(3), {}, "new");
  const std::array<std::int64_t, 3> rows{0, 500, 4095};
  number_rows(verdict, rows);
  const TensorVerdict& out = verdict.tensors.at(0);
  CHECK(out.worst_abs.index.row == 500);
  CHECK(out.worst_row == 500);
  CHECK(out.first_bad_row == 500);
  CHECK(out.worst_block.first_row == 0);
  CHECK(out.worst_block.last_row == 4095);
  CHECK(out.details->got.max_index.row == 500);
  CHECK(verdict.tensors.at(1).first_bad_row == -1);
}

TEST_CASE("the largest error of each block of rows is kept, and of stretches of blocks where there are many") {
  for (const std::int64_t rows : {130, 64 * 65}) {
    Partial want = ones(rows);
    Partial got = ones(rows);
    got.out[0][rows - 1][0][0] += 0.25;
    const ErrorProfile profile = judge_tolerance(got, want, {}, "new").tensors.at(0).error_by_position;
    const std::int64_t stretch = rows == 130 ? 64 : 128;
    REQUIRE(profile.first_row.size() == (rows == 130 ? 3 : 33));
    REQUIRE(profile.max_abs.size() == profile.first_row.size());
    CHECK(profile.first_row.at(1) == stretch);
    CHECK(profile.max_abs.at(1) == 0.0);
    CHECK(profile.max_abs.back() == doctest::Approx(0.25));
  }
}

TEST_CASE("what is not finite must be the same on both sides") {
  Partial want = ones(4);
  Partial got = ones(4);
  want.lse[0][0][2] = -inf;
  got.lse[0][0][2] = -inf;
  want.out[0][3][0][0] = nan_value;
  got.out[0][3][0][0] = nan_value;
  const NumericVerdict same = judge_tolerance(got, want, {}, "new");
  CHECK(same.passed);
  CHECK(same.tensors[1].required_atol == 0.0);

  got.lse[0][0][2] = 0.0;
  const NumericVerdict moved = judge_tolerance(got, want, {}, "new");
  CHECK_FALSE(moved.passed);
  CHECK(moved.tensors[1].nonfinite_mismatched == 1);
  CHECK(moved.tensors[1].required_atol == inf);
  got.lse[0][0][2] = inf;
  CHECK_FALSE(judge_tolerance(got, want, {}, "new").passed);
}

TEST_CASE("the analytic bound refuses zeros where the values are tiny, which 1e-5 alone would pass") {
  Problem problem = random_problem(256, at::kFloat);
  problem.value = problem.value * 1e-6;
  const Partial right = ring_attention(problem, 4);
  CHECK(judge(problem, right).passed);
  CHECK_FALSE(judge(problem, {at::zeros_like(right.out), right.lse}).passed);
}

TEST_CASE("the analytic bound grows as its formula says and covers a real ring over hot logits") {
  const double u = std::ldexp(1.0, -24);
  const ErrorBound bound = rounding_bound({.score = 10.0, .value = 3.0, .keys = 4096, .head_dim = 62}, u);
  const double score_error = 8.0 * 8.0 * u * 10.0 + 20.0 * u + 4.0 * u;
  CHECK(bound.lse == doctest::Approx(score_error + 8.0 * 64.0 * u + u * (10.0 + std::log(4096.0))));
  CHECK(bound.out == doctest::Approx((2.0 * score_error + 1024.0 * u + 4.0 * u) * 3.0));
  CHECK(rounding_bound({}, u).out == inf);

  Problem hot = random_problem(512, at::kFloat, false);
  hot.query = hot.query * 8.0;
  OracleContext context;
  context.inputs = input_magnitude(hot.query, hot.key, hot.value);
  CHECK(context.inputs.keys == 512);
  const ErrorBound hot_bound = rounding_bound(context.inputs, u);
  const NumericVerdict verdict =
      judge_tolerance(ring_attention(hot, 8), {oracle_of(hot).out.to(at::kFloat), {}}, {}, "oracle");
  CHECK(verdict.tensors.at(0).required_atol < hot_bound.out);
}

TEST_CASE("twice the direct kernel's error is allowed in its block and in no other") {
  Partial want = ones(128);
  Partial baseline = ones(128, at::kFloat);
  Partial got = ones(128, at::kFloat);
  baseline.out[0][3][0][0] = 1.001;
  got.out[0][60][0][0] = 1.0015;
  OracleContext context;
  context.baseline = baseline;
  CHECK(judge_against_oracle(got, want, context).passed);
  got.out[0][60][0][0] = 1.0;
  got.out[0][64][0][0] = 1.0015;
  const NumericVerdict verdict = judge_against_oracle(got, want, context);
  CHECK_FALSE(verdict.passed);
  CHECK(verdict.tensors[0].worst_block.first_row == 64);
}

TEST_CASE("wrong shapes, dtypes and empty results fail with a reason") {
  const Partial want = ones(4);
  const auto reason = [&](const Partial& got) {
    const NumericVerdict verdict = judge_against_oracle(got, want, {});
    CHECK_FALSE(verdict.passed);
    CHECK(verdict.tensors.empty());
    return verdict.reason;
  };
  CHECK(reason({at::ones({1, 5, 1, 1}), {}}) == "out is (1, 5, 1, 1) Float, expected (1, 4, 1, 1) Double");
  CHECK(reason({at::ones({1, 4, 1, 1}), at::ones({1, 4, 1})}) == "lse is (1, 4, 1) Float, expected (1, 1, 4) Double");
  CHECK(reason({at::ones({1, 4, 1, 1}, at::kLong), {}}) == "out is (1, 4, 1, 1) Long, expected (1, 4, 1, 1) Double");
  CHECK(reason({}) == "out is no tensor, expected (1, 4, 1, 1) Double");
  CHECK(reason({at::ones({1, 4, 1, 1}, at::kBFloat16), {}}) ==
        "no direct result to compare with: low precision is judged against one");
  const Partial empty{at::ones({1, 0, 1, 1}, at::kDouble), {}};
  CHECK(judge_tolerance(empty, empty, {}, "new").reason == "out is (1, 0, 1, 1) Double: nothing to compare");
  CHECK(judge_tolerance(ones(4, at::kFloat), want, {}, "new").reason ==
        "out is (1, 4, 1, 1) Float, expected (1, 4, 1, 1) Double");
}

TEST_CASE("an implementation that returns no lse is judged by out alone") {
  const Problem problem = random_problem(128, at::kFloat);
  Partial result = ring_attention(problem, 4);
  result.lse = at::Tensor();
  const NumericVerdict verdict = judge(problem, result);
  CHECK(verdict.passed);
  CHECK(verdict.tensors.size() == 1);
}

TEST_CASE("two results of 4096 rows are judged in well under a second") {
  const at::Tensor oracle = at::rand({2, 4096, 8, 64}, at::kDouble);
  const Partial want{oracle, at::rand({2, 8, 4096}, at::kDouble)};
  OracleContext context;
  context.baseline = {oracle.to(at::kFloat), want.lse.to(at::kFloat)};
  const std::clock_t start = std::clock();
  CHECK(judge_against_oracle(context.baseline, want, context).passed);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  MESSAGE("judged in " << seconds << " s of processor time");
  CHECK(seconds < 5.0);  // 0.05 s is usual; a sanitizer takes its share
}

}  // namespace
}  // namespace ringattn
