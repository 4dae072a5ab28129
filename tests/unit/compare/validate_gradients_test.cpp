#include "compare/validate_gradients.h"

#include "config/error.h"
#include "tests/unit/compare/oracle_attention.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace ringattn {
namespace {

using test::OracleAttention;

AttentionFunction function_of(bool is_causal) {
  AttentionFunction function{PatternAxes{}, {{24, 1}}, 24, 4, is_causal};
  function.kv_heads = 2;
  return function;
}

std::unique_ptr<InputSource> inputs() {
  return generated_inputs({.seed = 3, .batch = 2, .seq_len = 24, .heads = 4, .head_dim = 8, .kv_heads = 2});
}

GradientValidation validate(Attention& attention, const GradientValidationOptions& options = {}) {
  World world(1);
  return validate_gradients(world, attention, *inputs(), options);
}

GradientValidation validate_spoiled(const OracleAttention::Spoil& spoil) {
  OracleAttention attention(function_of(true), spoil);
  return validate(attention);
}

TEST_CASE(
    "right gradients agree with oracle and finite differences, by far more digits than a wrong one could hide in") {
  for (const bool is_causal : {false, true}) {
    OracleAttention attention(function_of(is_causal));
    const GradientValidation found = validate(attention);
    CHECK(found.passed());
    REQUIRE(found.directions.size() == 3);
    for (const DirectionalDerivative& d : found.directions) {
      CHECK(d.error() <= d.tolerance);
      CHECK(d.tolerance < 1e-7 * std::abs(d.measured) + 1e-7);
    }
    CHECK(found.cost.forward_calls == 1 + 3 * 6);
    CHECK(found.cost.backward_calls == 1);
    CHECK(found.cost.difference_flops == 18 * 4.0 * 2 * 4 * 8 * 24 * 24);
  }
}

TEST_CASE("each of dq, dk and dv that is a millionth off fails both checks") {
  for (at::Tensor Gradients::*which : {&Gradients::query, &Gradients::key, &Gradients::value}) {
    const GradientValidation found = validate_spoiled([which](Gradients& g) { (g.*which).mul_(1 + 1e-6); });
    CHECK_FALSE(found.against_oracle.passed);
    int wrong = 0;
    for (const DirectionalDerivative& d : found.directions) wrong += d.passed() ? 0 : 1;
    CHECK(wrong >= 2);  // one direction may have little to do with a tensor
    CHECK_FALSE(found.passed());
  }
}

TEST_CASE("a gradient that is NaN is wrong in every direction") {
  const GradientValidation found = validate_spoiled([](Gradients& g) { g.key[0][3][0][0] = NAN; });
  CHECK_FALSE(found.against_oracle.passed);
  for (const DirectionalDerivative& d : found.directions) CHECK_FALSE(d.passed());
}

TEST_CASE("dropout, whose mask goes by place, has finite differences too") {
  AttentionFunction function = function_of(true);
  function.dropout = 0.25;
  function.dropout_seed = 5;
  OracleAttention attention(function);
  CHECK(validate(attention).passed());
}

TEST_CASE("the text says what was found and what it took") {
  OracleAttention attention(function_of(true));
  const std::string text = to_string(validate(attention, {.directions = 1}));
  CHECK(text.find("dq against the oracle: right") != std::string::npos);
  CHECK(text.find("dv against the oracle: right") != std::string::npos);
  CHECK(text.find("finite differences: right") != std::string::npos);
  CHECK(text.find("cost: 7 forward and 1 backward calls in fp64") != std::string::npos);
}

TEST_CASE("what cannot be validated is refused") {
  OracleAttention silent(function_of(true), {}, "it only looks ahead");
  CHECK_THROWS_WITH_AS(validate(silent), "validate_gradients: it only looks ahead", Unavailable);
  OracleAttention attention(function_of(true));
  CHECK_THROWS_WITH_AS(validate(attention, {.directions = 0}), "directions: 0, must be at least 1", UsageError);
  CHECK_THROWS_WITH_AS(validate(attention, {.step = -1.0}), "step: -1, must be above 0", UsageError);
}

}  // namespace
}  // namespace ringattn
