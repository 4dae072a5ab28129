#include "compare/gradient_judge.h"

#include "attention/inputs.h"
#include "compare/judgement.h"
#include "compare/reference.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace ringattn {
namespace {

/// One function on generated inputs, and what its gradients are judged by.
class Sample {
 public:
  explicit Sample(AttentionFunction function, InputDistribution distribution = InputDistribution::normal,
                  std::vector<std::int64_t> rows = {}, std::int64_t dim = 32)
      : function_(std::move(function)),
        inputs_(generated_inputs({.seed = 9,
                                  .batch = 1,
                                  .seq_len = function_.seq_len,
                                  .heads = function_.heads,
                                  .head_dim = dim,
                                  .distribution = distribution,
                                  .kv_heads = function_.kv_heads,
                                  .mask = function_.mask.kind == MaskKind::keys ? "padding" : "none"})),
        rows_(std::move(rows)),
        book_(*inputs_, rows_) {}

  const GradientReference& reference(at::ScalarType dtype) { return book_.gradients_of(function_, dtype); }
  NumericVerdict judge(const Gradients& result) {
    const GradientReference& expected = reference(result.query.scalar_type());
    return judge_gradients(result, expected.oracle, context_of(expected));
  }
  /// Another correct arithmetic than the library's: the formula in fp32, differentiated by LibTorch, rounded once.
  Gradients formula(at::ScalarType dtype) {
    const Positions all{{.first = 0, .count = function_.seq_len, .step = 1}};
    const auto rows = [&](InputTensor which) { return inputs_->rows(which, all, dtype).to(at::kFloat); };
    const auto judged = [&](const at::Tensor& tensor) {
      return rows_.empty() ? tensor : tensor.index_select(1, at::tensor(rows_, at::kLong));
    };
    const at::Tensor mask = function_.mask.kind == MaskKind::none ? at::Tensor() : inputs_->mask(all);
    const Gradients result = plain_gradient(
        {function_, rows_, judged(rows(InputTensor::query)), rows(InputTensor::key), rows(InputTensor::value), mask},
        judged(rows(InputTensor::grad_out)));
    return {result.query.to(dtype), result.key.to(dtype), result.value.to(dtype)};
  }

 private:
  AttentionFunction function_;
  std::unique_ptr<InputSource> inputs_;
  std::vector<std::int64_t> rows_;
  ReferenceBook book_;
};

AttentionFunction dense(std::int64_t n, bool is_causal) { return {PatternAxes{}, {{n, 1}}, n, 2, is_causal}; }

std::vector<AttentionFunction> functions(std::int64_t n) {
  std::vector<AttentionFunction> list{dense(n, false), dense(n, true)};
  AttentionFunction grouped = dense(n, true);
  grouped.heads = 4, grouped.kv_heads = 2, grouped.window = {50, 0};
  list.push_back(grouped);
  AttentionFunction dilated = dense(n, false);
  dilated.axes = {Placement::tiles, HeadRule::first,  OffsetRule::pair,    QueryRule::dilated,
                  KeyRule::dilated, JoinRule::groups, OrderRule::position, TailRule::shortened};
  dilated.pairs = {{64, 1}, {96, 2}};
  list.push_back(dilated);
  AttentionFunction mean = dilated;
  mean.axes.heads = HeadRule::all, mean.axes.join = JoinRule::mean, mean.is_causal = true;
  list.push_back(mean);
  AttentionFunction dropping = dense(n, true);
  dropping.dropout = 0.2;
  list.push_back(dropping);
  AttentionFunction masked = dense(n, true);
  masked.mask.kind = MaskKind::keys;
  list.push_back(masked);
  return list;
}

std::string reason(const NumericVerdict& verdict) { return verdict.reason; }

TEST_CASE("the library's gradients and those of another arithmetic pass in every dtype, for every kind of function") {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const std::int64_t n : {1, 63, 200}) {
      for (const AttentionFunction& function : functions(n)) {
        CAPTURE(c10::toString(dtype));
        CAPTURE(n);
        Sample sample(function);
        const NumericVerdict library = sample.judge(sample.reference(dtype).library);
        CHECK_MESSAGE(library.passed, reason(library));
        CHECK(library.tier == (dtype == at::kFloat ? Tier::logic : Tier::precision));
        REQUIRE(library.tensors.size() == 3);
        CHECK(library.tensors[1].tensor == "dk");
        const NumericVerdict formula = sample.judge(sample.formula(dtype));
        CHECK_MESSAGE(formula.passed, reason(formula));
      }
    }
  }
}

TEST_CASE("hard inputs pass too: the yardstick and the rows' sensitivity say what rounding may do") {
  for (const InputDistribution distribution :
       {InputDistribution::large_logits, InputDistribution::constant_rows, InputDistribution::near_ties,
        InputDistribution::denormals, InputDistribution::one_huge_key}) {
    for (const bool is_causal : {false, true}) {
      CAPTURE(to_string(distribution));
      CAPTURE(is_causal);
      Sample sample(dense(200, is_causal), distribution);
      const NumericVerdict verdict = sample.judge(sample.formula(at::kFloat));
      CHECK_MESSAGE(verdict.passed, reason(verdict));
    }
  }
}

TEST_CASE("an error of a thousandth in one block of one tensor fails, and is named") {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const double error = dtype == at::kFloat ? 1e-3 : 5e-2;
    const auto spoiled = [&](at::Tensor Gradients::*which, const char* name) {
      Sample sample(dense(200, true));
      const Gradients& right = sample.reference(dtype).library;
      Gradients wrong{right.query.clone(), right.key.clone(), right.value.clone()};
      (wrong.*which).narrow(1, 64, 64).select(2, 1).mul_(1 + error);
      const NumericVerdict verdict = sample.judge(wrong);
      CHECK_FALSE(verdict.passed);
      CHECK(verdict.reason.starts_with(std::string(name) + ":"));
      for (const TensorVerdict& tensor : verdict.tensors) {
        CHECK(tensor.passed == (tensor.tensor != name));
        if (!tensor.passed) CHECK(tensor.worst_block.first_row == 64);
        if (!tensor.passed) CHECK(tensor.worst_block.head == 1);
      }
    };
    spoiled(&Gradients::query, "dq");
    spoiled(&Gradients::key, "dk");
    spoiled(&Gradients::value, "dv");
  }
}

TEST_CASE("dk without one query's contribution, and one NaN, fail") {
  Sample sample(dense(128, true));
  const GradientReference& expected = sample.reference(at::kFloat);
  Sample short_of_one(dense(128, true), InputDistribution::normal, [] {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 0; row < 127; ++row) rows.push_back(row);
    return rows;
  }());
  Gradients wrong = expected.library;
  wrong.key = short_of_one.reference(at::kFloat).library.key;
  CHECK_FALSE(sample.judge(wrong).passed);
  wrong.key = expected.library.key.clone();
  wrong.key[0][5][1][7] = std::numeric_limits<float>::quiet_NaN();
  const NumericVerdict verdict = sample.judge(wrong);
  CHECK_FALSE(verdict.passed);
  CHECK(verdict.tensors[1].nonfinite_mismatched == 1);
}

TEST_CASE("a yardstick that errs a lot excuses nothing beyond the bound of the inputs' magnitude") {
  Sample sample(dense(64, false));
  const GradientReference& expected = sample.reference(at::kFloat);
  GradientContext context = context_of(expected);
  Gradients wrong{expected.library.query.clone(), expected.library.key.clone(), expected.library.value.clone()};
  wrong.query[0][3][0][0] += 1.0F;
  context.baseline = wrong;
  CHECK_FALSE(judge_gradients(wrong, expected.oracle, context).passed);
  context.inputs = {};
  CHECK(judge_gradients(wrong, expected.oracle, context).passed);
  // The bound is above what arithmetic does by some hundred times, and below what a wrong formula does.
  const GradientBound bound = gradient_bound(expected.magnitude, expected.sensitivity, 1, 0x1p-24);
  for (const double limit : {bound.query, bound.key, bound.value}) {
    CHECK(limit > 1e-5);
    CHECK(limit < 0.5);
  }
}

TEST_CASE("fp64 is judged at 1e-12 without a yardstick") {
  Sample sample(dense(100, true));
  const Gradients& exact = sample.reference(at::kDouble).oracle;
  CHECK_FALSE(sample.reference(at::kDouble).library.query.defined());
  Gradients result{exact.query.clone(), exact.key.clone(), exact.value.clone()};
  CHECK(sample.judge(result).passed);
  CHECK(sample.judge(result).tier == Tier::fp64);
  result.value[0][50][0][0] += 1e-10;
  CHECK_FALSE(sample.judge(result).passed);
}

TEST_CASE("chosen rows: dq of those, dk and dv of all keys, rows numbered as positions") {
  Sample sample(dense(200, true), InputDistribution::normal, {3, 100, 199});
  const Gradients& library = sample.reference(at::kFloat).library;
  CHECK(library.query.size(1) == 3);
  CHECK(library.key.size(1) == 200);
  Gradients wrong{library.query.clone(), library.key.clone(), library.value.clone()};
  wrong.query[0][1][0][0] += 1.0F;
  wrong.value[0][150][0][0] += 1.0F;
  const NumericVerdict verdict = numbered(sample.judge(wrong), {3, 100, 199});
  CHECK(verdict.tensors[0].worst_row == 100);
  CHECK(verdict.tensors[2].worst_row == 150);
}

TEST_CASE("what cannot be compared is refused with a reason") {
  Sample sample(dense(64, true));
  const GradientReference& expected = sample.reference(at::kFloat);
  const auto verdict_of = [&](const Gradients& result, const GradientContext& context) {
    return judge_gradients(result, expected.oracle, context).reason;
  };
  const Gradients& library = expected.library;
  CHECK(verdict_of({library.query, library.key.narrow(1, 0, 63), library.value}, context_of(expected)) ==
        "dk is (1, 63, 2, 32) Float, expected (1, 64, 2, 32) Double");
  CHECK(verdict_of({library.query, library.key, {}}, context_of(expected)) ==
        "dv is no tensor, expected (1, 64, 2, 32) Double");
  const Gradients low{library.query.to(at::kHalf), library.key.to(at::kHalf), library.value.to(at::kHalf)};
  CHECK(verdict_of(low, {}) == "no direct gradients to compare with: low precision is judged against some");
}

TEST_CASE("a verdict on forward and backward passes where both do") {
  NumericVerdict forward;
  forward.passed = true;
  forward.tensors.resize(2);
  NumericVerdict gradients;
  gradients.reason = "dk: wrong";
  gradients.tensors.resize(3);
  const NumericVerdict both = joined(forward, gradients);
  CHECK_FALSE(both.passed);
  CHECK(both.reason == "dk: wrong");
  CHECK(both.tensors.size() == 5);
  gradients.passed = true, gradients.reason = "";
  CHECK(joined(forward, gradients).passed);
}

}  // namespace
}  // namespace ringattn
