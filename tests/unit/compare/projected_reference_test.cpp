#include "attention/module_inputs.h"
#include "compare/numeric.h"
#include "compare/reference.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>

namespace ringattn {
namespace {

constexpr ProjectionSizes kSizes{.heads = 4, .head_dim = 16, .kv_heads = 4};
constexpr std::int64_t kRows = 96;

AttentionFunction dense() { return {{}, {{kRows, 1}}, kRows, kSizes.heads, true}; }

ProjectedInputs inputs_of(Projection projection, InputDistribution distribution = InputDistribution::normal) {
  return {
      generated_x({.seed = 11, .batch = 1, .seq_len = kRows, .embed = kSizes.embed(), .distribution = distribution}),
      std::move(projection), nullptr};
}

Projection with_bias(const Projection& given) {
  const auto add = [](const LinearLayer& layer) { return LinearLayer{layer.weight, layer.weight.select(1, 1) * 3.0}; };
  return {kSizes, add(given.layer(InputTensor::query)), add(given.layer(InputTensor::key)),
          add(given.layer(InputTensor::value)), add(given.out_layer())};
}

/// The module in fp64, in the words of a textbook.
at::Tensor textbook(const ProjectedInputs& inputs, at::ScalarType dtype) {
  const Positions all{{.first = 0, .count = kRows, .step = 1}};
  const at::Tensor x = inputs.x().rows(all, dtype).to(at::kDouble);
  const Projection layers = inputs.layers().to(dtype).to(at::kDouble);
  const auto heads = [&](InputTensor which) { return layers.project(which, x).transpose(1, 2); };
  const at::Tensor future = at::ones({kRows, kRows}, at::kBool).triu(1);
  const at::Tensor scores = at::matmul(heads(InputTensor::query), heads(InputTensor::key).transpose(-2, -1))
                                .div(4.0)
                                .masked_fill(future, -INFINITY);
  return layers.project_out(at::matmul(at::softmax(scores, -1), heads(InputTensor::value)).transpose(1, 2));
}

double worst(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("the oracle of a module is its projections, its attention and its output projection in fp64") {
  const ProjectedInputs inputs = inputs_of(with_bias(random_projection(kSizes, 2)));
  ReferenceBook book(inputs, {}), sampled(inputs, {0, 40, 95});
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const Reference& reference = book.of(dense(), dtype);
    CHECK(worst(reference.oracle.out, textbook(inputs, dtype)) < 1e-12);
    CHECK_FALSE(reference.single_key_rows.defined());
    const at::Tensor rows = textbook(inputs, dtype).index_select(1, at::tensor({0, 40, 95}));
    CHECK(worst(sampled.of(dense(), dtype).oracle.out, rows) < 1e-12);
    CHECK(worst(book.with_defects(dense(), {}, dtype).out, textbook(inputs, dtype)) < 1e-12);
  }
}

TEST_CASE("a module in fp32 errs by less than its bound, and what it may err by stays near what it does") {
  for (const InputDistribution distribution : {InputDistribution::normal, InputDistribution::large_logits}) {
    const ProjectedInputs inputs = inputs_of(with_bias(random_projection(kSizes, 2)), distribution);
    ReferenceBook book(inputs, {});
    const Reference& reference = book.of(dense(), at::kFloat);
    const ErrorBound attention = rounding_bound(reference.magnitude, 0x1p-24);
    const ErrorBound bound = projected_bound(attention, reference.magnitude, *reference.projection, 0x1p-24);
    const double error = worst(reference.library.out, reference.oracle.out);
    CHECK(error > 0.0);
    CHECK(error < bound.out);
    CHECK(worst(reference.library.lse, reference.oracle.lse) < bound.lse);
    // What a row is allowed beyond the fixed tolerance is of the size of the errors, not of a worst case.
    const double allowed = out_roundings * (reference.sensitivity.out * 0x1p-24).max().item<double>();
    INFO(error, " of ", allowed);
    CHECK(error < allowed);
    CHECK(error * 30.0 > allowed);
    const bool is_normal = distribution == InputDistribution::normal;
    CHECK((allowed < 1e-5) == is_normal);
  }
}

TEST_CASE("a module's result passes its own judgement, and one number changed by 1 % does not") {
  const ProjectedInputs inputs = inputs_of(random_projection(kSizes, 2));
  ReferenceBook book(inputs, {});
  const Reference& reference = book.of(dense(), at::kFloat);
  const Partial right = reference.library;
  CHECK(judge_against_oracle(right, reference.oracle, context_of(reference)).passed);
  Partial wrong{right.out.clone(), right.lse};
  const std::int64_t place = wrong.out.flatten().abs().argmax().item<std::int64_t>();
  wrong.out.view(-1)[place] *= 1.01;
  CHECK_FALSE(judge_against_oracle(wrong, reference.oracle, context_of(reference)).passed);
  // The attention's own rows are not the module's.
  const Partial core{book.project_out(right).out, right.lse};
  CHECK_FALSE(judge_against_oracle(core, reference.oracle, context_of(reference)).passed);
}

TEST_CASE("in low precision a wrong logsumexp fails behind projections too") {
  const ProjectedInputs inputs = inputs_of(random_projection(kSizes, 2));
  ReferenceBook book(inputs, {});
  const Reference& reference = book.of(dense(), at::kBFloat16);
  CHECK(judge_against_oracle(reference.library, reference.oracle, context_of(reference)).passed);
  const Partial wrong{reference.library.out, reference.library.lse + 0.1};
  CHECK_FALSE(judge_against_oracle(wrong, reference.oracle, context_of(reference)).passed);
}

TEST_CASE("identities round nothing, so that a module of them is judged as the attention is") {
  const ProjectedInputs inputs = inputs_of(identity_projection(kSizes));
  ReferenceBook module(inputs, {});
  const InputSource& as_attention = inputs;
  ReferenceBook attention(as_attention, {});
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Reference& a = module.of(dense(), dtype);
    const Reference& b = attention.of(dense(), dtype);
    CHECK_FALSE(a.projection.has_value());
    CHECK(worst(a.oracle.out, b.oracle.out) == 0.0);
    CHECK(worst(a.sensitivity.out, b.sensitivity.out) == 0.0);
    CHECK(at::equal(a.library.out, b.library.out));
    CHECK(at::equal(a.single_key_rows, b.single_key_rows));
    CHECK(a.magnitude.score == doctest::Approx(b.magnitude.score));
  }
}

}  // namespace ringattn
