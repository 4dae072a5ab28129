#include "compare/explanation.h"

#include "config/pattern_spec.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

NamedFunction named(PatternName name) {
  NamedFunction result;
  result.name = std::string(to_string(name));
  result.function = {axes_of(name), {{2048, 1}, {4096, 2}}, 4096, 8, true};
  return result;
}

TEST_CASE("a function is described by name, axes, pairs and size") {
  CHECK(describe(named(PatternName::dilated_keys)) ==
        "dilated_keys (placement tiles, heads last, offset pair, queries all, keys dilated, join single, order "
        "position, tail dense; "
        "pairs 2048/1, 4096/2; n 4096, 8 heads, causal)");
}

TEST_CASE("the differences between dilated_keys and dilated are its axes, each with its meaning") {
  const auto found = differences(named(PatternName::dilated_keys).function, named(PatternName::dilated).function);
  REQUIRE(found.size() == 4);
  CHECK(found[0].axis == "heads");
  CHECK(found[1].axis == "queries");
  CHECK(found[1].legacy_value == "all");
  CHECK(found[1].candidate_value == "dilated");
  CHECK(found[1].meaning.find("new: only every r-th row of a segment gets a result") != std::string::npos);
  CHECK(found[2].axis == "join");
  CHECK(found[2].meaning.find("new: every result is divided by the number of pairs") != std::string::npos);
  CHECK(found[3].axis == "tail");
  CHECK(differences(named(PatternName::dilated).function, named(PatternName::dilated).function).empty());
}

TEST_CASE("other pairs and another mask are differences too") {
  AttentionFunction other = named(PatternName::dilated).function;
  other.pairs = {{2048, 1}};
  other.is_causal = false;
  const auto found = differences(named(PatternName::dilated).function, other);
  REQUIRE(found.size() == 2);
  CHECK(found[0].axis == "pairs");
  CHECK(found[0].candidate_value == "2048/1");
  CHECK(found[1].axis == "is_causal");
  CHECK(found[1].legacy_value == "causal");
}

TEST_CASE("the explanation names both functions and ends with the first and worst row") {
  NumericVerdict verdict;
  TensorVerdict out;
  out.tensor = "out";
  out.first_bad_row = 1;
  out.worst_row = 4095;
  out.worst_abs = {{0, 4095, 7, 63}, 0.5, 0.25, 0.25, 1.0};
  verdict.tensors = {out};
  const auto lines = explain_difference(named(PatternName::dilated_keys), named(PatternName::dilated), verdict);
  REQUIRE(lines.size() == 7);
  CHECK(lines[0].starts_with("old: dilated_keys ("));
  CHECK(lines[1].starts_with("new: dilated ("));
  CHECK(lines.back() == "out: first differing row 1, worst row 4095 (batch 0, head 7, dim 63): old 0.5, new 0.25");
  verdict.tensors[0].passed = true;
  CHECK(explain_difference(named(PatternName::dilated_keys), named(PatternName::dilated), verdict).size() == 6);
}

}  // namespace
}  // namespace ringattn
