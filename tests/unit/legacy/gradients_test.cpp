#include "legacy/gradients.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn::legacy {
namespace {

GradientFate fate(const char* name, const GradientCall& call) { return shipped_gradient(find_legacy(name), call).fate; }

bool says(const char* name, const char* words) {
  return gradient_words(find_legacy(name)).find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("what became of a class's gradients depends on ranks, lengths and batch where it did") {
  CHECK(fate("v2_simple", {.ranks = 1}) == GradientFate::exact);
  CHECK(fate("v2_simple", {.ranks = 3}) == GradientFate::own_part);
  CHECK(fate("v2", {.ranks = 1}) == GradientFate::exact);
  CHECK(fate("v2", {.ranks = 2}) == GradientFate::no_value);
  CHECK(fate("refactored", {.ranks = 1}) == GradientFate::no_value);

  const std::vector<Pair> uneven{{8, 1}, {12, 2}}, even{{6, 1}, {12, 2}};
  CHECK(fate("v1", {.ranks = 2, .seq_len = 24, .batch = 1, .pairs = uneven}) == GradientFate::raises);
  CHECK(fate("v1", {.ranks = 2, .seq_len = 24, .batch = 1, .pairs = even}) == GradientFate::exact);
  CHECK(fate("v1", {.ranks = 2, .seq_len = 26, .batch = 1, .pairs = uneven}) == GradientFate::exact);
  CHECK(fate("v1", {.ranks = 2}) == GradientFate::exact);

  CHECK(fate("fixed", {.ranks = 2, .seq_len = 24, .batch = 1}) == GradientFate::misplaced);
  CHECK(fate("fixed", {.ranks = 4, .seq_len = 24, .batch = 1}) == GradientFate::raises);
  CHECK(fate("fixed", {.ranks = 4, .seq_len = 24, .batch = 2}) == GradientFate::misplaced);
}

TEST_CASE("every entry has words for its gradients, with what holds for some lengths alone") {
  for (const CatalogueEntry& entry : catalogue()) {
    CAPTURE(entry.name);
    CHECK_FALSE(gradient_words(entry).empty());
  }
  CHECK(says("base", "exact"));
  CHECK(says("v1", "raises RuntimeError where n is a multiple of k max(w)"));
  CHECK(says("fixed", "on more misplaced"));
  CHECK(says("fixed", "raises RuntimeError where the batch is 1"));
  CHECK(says("memory_efficient", "on several ranks zero"));
}

TEST_CASE("a class with projections has no gradient after query, key and value; others have, or raise") {
  CHECK(why_no_gradient(find_legacy("sdpa"), 2).find("projections of its own") != std::string::npos);
  CHECK(why_no_gradient(find_legacy("v2_collective"), 2).empty());
}

}  // namespace ringattn::legacy
