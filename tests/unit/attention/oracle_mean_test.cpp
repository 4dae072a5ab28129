#include "attention/strands.h"
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

/// All heads see both pairs.
AttentionFunction joined(std::vector<Pair> pairs, std::int64_t n, JoinRule join) {
  AttentionFunction f = test::dilated(std::move(pairs), n, 1, false);
  f.axes.heads = HeadRule::all;
  f.axes.offset = OffsetRule::zero;
  f.axes.join = join;
  return f;
}

/// One head of dim 1 whose scores are all 0: an average of values. Values 1, 2, 4, 8, 16, 32.
Inputs averaging() {
  const at::Tensor zero = at::zeros({1, 6, 1, 1}, at::kDouble);
  return {zero, zero, at::tensor({1., 2., 4., 8., 16., 32.}, at::kDouble).view({1, 6, 1, 1})};
}

}  // namespace

TEST_CASE("join mean divides by the number of pairs, and a pair without keys for the row counts 0") {
  // Pair 0: tiles of 3, all rows: averages 7/3 and 56/3. Pair 1: tiles of 3, rows 0, 2 and 3, 5: averages 5/2 and 20.
  const OracleResult result = evaluate(joined({{3, 1}, {3, 2}}, 6, JoinRule::mean), averaging());
  const double a = 7.0 / 3, b = 56.0 / 3;
  const at::Tensor wanted =
      at::tensor({(a + 2.5) / 2, a / 2, (a + 2.5) / 2, (b + 20) / 2, b / 2, (b + 20) / 2}, at::kDouble);
  check_close(result.out.flatten(), wanted);
  CHECK_FALSE(result.lse.defined());
}

TEST_CASE("join mean with a causal triangle, a window and documents takes keys from each pair by itself") {
  AttentionFunction f = joined({{6, 1}, {6, 2}}, 6, JoinRule::mean);
  f.axes.queries = QueryRule::all;
  f.is_causal = true;
  f.documents = {0, 3, 6};
  f.window = {1, -1};
  // Pair 0: keys {0} {0 1} {1 2} {3} {3 4} {4 5}; pair 1, even keys: {0} {0} {2} {} {4} {4}.
  const at::Tensor wanted =
      at::tensor({(1. + 1) / 2, (1.5 + 1) / 2, (3. + 4) / 2, 8. / 2, (12. + 16) / 2, (24. + 16) / 2}, at::kDouble);
  check_close(evaluate(f, averaging()).out.flatten(), wanted);
}

TEST_CASE("join mean of one pair is that pair, with a logsumexp") {
  const OracleResult result = evaluate(joined({{3, 1}}, 6, JoinRule::mean), averaging());
  CHECK(result.out.flatten()[4].item<double>() == doctest::Approx(56.0 / 3));
  REQUIRE(result.lse.defined());
  CHECK(result.lse.flatten()[4].item<double>() == doctest::Approx(std::log(3.0)));
}

TEST_CASE("join softmax counts a key once for each pair that shows it") {
  // Row 0 sees 0, 1, 2 through pair 0 and 0, 2 through pair 1: (1 + 2 + 4 + 1 + 4) / 5.
  const OracleResult result = evaluate(joined({{3, 1}, {3, 2}}, 6, JoinRule::softmax), averaging());
  CHECK(result.out.flatten()[0].item<double>() == doctest::Approx(12.0 / 5));
  CHECK(result.lse.flatten()[0].item<double>() == doctest::Approx(std::log(5.0)));
  CHECK(result.out.flatten()[1].item<double>() == doctest::Approx(7.0 / 3));
}

TEST_CASE("join mean averages the pairs' own results, join softmax weighs them by their denominators") {
  const Inputs in = test::inputs(1, 24, 2, 4);
  AttentionFunction f = test::dilated({{8, 1}, {12, 2}}, 24, 2, false);
  f.axes.heads = HeadRule::all;
  f.axes.offset = OffsetRule::zero;
  std::vector<OracleResult> alone;
  for (const Pair& pair : f.pairs) {
    AttentionFunction one = f;
    one.axes.join = JoinRule::single;
    one.pairs = {pair};
    alone.push_back(evaluate(one, in));
  }
  f.axes.join = JoinRule::mean;
  check_close(evaluate(f, in).out, (alone[0].out + alone[1].out) / 2);

  f.axes.join = JoinRule::softmax;
  const OracleResult softmax = evaluate(f, in);
  const at::Tensor lse = at::logaddexp(alone[0].lse, alone[1].lse);
  const auto share = [&](const OracleResult& one) { return (one.lse - lse).exp().transpose(1, 2).unsqueeze(-1); };
  check_close(softmax.lse, lse);
  check_close(softmax.out, alone[0].out * share(alone[0]) + alone[1].out * share(alone[1]));
}

}  // namespace ringattn
