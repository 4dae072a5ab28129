#include "compare/gradient_departure.h"

#include "attention/oracle_gradient.h"
#include "config/pattern_spec.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

at::Tensor rows(const std::vector<double>& numbers) {
  return at::tensor(numbers, at::kDouble).view({1, static_cast<std::int64_t>(numbers.size()), 1, 1});
}

/// q = 0, so that all keys weigh alike: dv_j = Σ_i g_i / n, dk = 0, dq_i = g_i · (v_0·(k_0 - k̄) + …) / n.
class Example {
 public:
  explicit Example(std::vector<double> grad_out, std::vector<std::int64_t> rows_of_grad = {})
      : rows_(std::move(rows_of_grad)), grad_out_(rows(grad_out)) {
    function_.seq_len = 4;
    function_.heads = 1;
    function_.pairs = {{4, 1}};
    function_.axes = axes_of(PatternName::dense);
    const OracleGradient exact =
        evaluate_oracle_gradient(function_, query_, key_, value_, grad_out_, {.query_rows = rows_});
    whole_ = {exact.query, exact.key, exact.value};
  }
  Gradients departed(GradientDeparture departure, int ranks) const {
    return ringattn::departed(whole_, departure, {function_, rows_, query_, key_, value_, grad_out_}, ranks);
  }
  RepeatedRows repeated(const at::Tensor& dq) const {
    return with_rows_repeated(whole_, dq, {function_, rows_, query_, key_, value_, grad_out_});
  }
  const Gradients& whole() const { return whole_; }

 private:
  AttentionFunction function_;
  std::vector<std::int64_t> rows_;
  at::Tensor query_ = rows({0, 0, 0, 0}), key_ = rows({1, -1, 2, 0}), value_ = rows({5, 1, 3, 7}), grad_out_;
  Gradients whole_;
};

}  // namespace

TEST_CASE("own_part: a rank's values have what its own queries give; dq is whole") {
  const Example example({4, 8, 12, 16});
  CHECK(at::allclose(example.whole().value, rows({10, 10, 10, 10})));
  const Gradients part = example.departed(GradientDeparture::own_part, 2);
  CHECK(at::allclose(part.value, rows({3, 3, 7, 7})));
  CHECK(at::equal(part.query, example.whole().query));
  const Gradients of_four = example.departed(GradientDeparture::own_part, 4);
  CHECK(at::allclose(of_four.value, rows({1, 2, 3, 4})));
}

TEST_CASE("misplaced: what belongs to received rows is added to the rank's own") {
  const Example example({4, 8, 12, 16});
  CHECK(at::allclose(example.departed(GradientDeparture::misplaced, 2).value, rows({6, 6, 14, 14})));
  CHECK(at::allclose(example.departed(GradientDeparture::misplaced, 4).value, rows({4, 8, 12, 16})));
  // Shares of 2, 2 and 0 rows have no common slots.
  CHECK(at::equal(example.departed(GradientDeparture::misplaced, 3).value, example.whole().value));
}

TEST_CASE("where chosen rows alone have a grad_out, a rank has what those of its share give") {
  const Example example({8, 16}, {1, 3});
  CHECK(at::allclose(example.whole().value, rows({6, 6, 6, 6})));
  CHECK(at::allclose(example.departed(GradientDeparture::own_part, 2).value, rows({2, 2, 4, 4})));
  CHECK(at::allclose(example.departed(GradientDeparture::own_part, 4).value, rows({0, 2, 0, 4})));
}

TEST_CASE("rows that count several times are found by dq, and count so in dv") {
  const Example example({4, 8, 12, 16});
  const RepeatedRows twice = example.repeated(example.whole().query * rows({1, 2, 1, 3}));
  CHECK(twice.most == 3);
  CHECK(at::allclose(twice.gradients.query, example.whole().query * rows({1, 2, 1, 3})));
  CHECK(at::allclose(twice.gradients.value, rows({20, 20, 20, 20})));
  CHECK(at::allclose(example.repeated(example.whole().query).gradients.value, example.whole().value));
}

TEST_CASE("one rank departs in nothing but zeros") {
  const Example example({4, 8, 12, 16});
  for (const GradientDeparture departure : {GradientDeparture::own_part, GradientDeparture::misplaced})
    CHECK(at::equal(example.departed(departure, 1).value, example.whole().value));
  CHECK(example.departed(GradientDeparture::zero, 1).query.count_nonzero().item<std::int64_t>() == 0);
}

}  // namespace ringattn
