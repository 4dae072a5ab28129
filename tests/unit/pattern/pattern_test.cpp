#include "pattern/pattern.h"

#include "config/error.h"
#include "config/pattern_spec.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

AttentionFunction function_of(PatternName name, std::vector<Pair> pairs, std::int64_t n, std::int64_t heads,
                              bool is_causal = false) {
  return {axes_of(name), std::move(pairs), n, heads, is_causal};
}

}  // namespace

TEST_CASE("heads are shared out with the remainder first, last, at the end, or nowhere") {
  using Ranges = std::vector<HeadRange>;
  CHECK(head_groups(HeadRule::first, 8, 3) == Ranges{{0, 3}, {3, 6}, {6, 8}});
  CHECK(head_groups(HeadRule::last, 8, 3) == Ranges{{0, 2}, {2, 5}, {5, 8}});
  CHECK(head_groups(HeadRule::rest, 8, 3) == Ranges{{0, 2}, {2, 4}, {4, 8}});
  CHECK(head_groups(HeadRule::drop, 8, 3) == Ranges{{0, 2}, {2, 4}, {4, 6}});
  CHECK(head_groups(HeadRule::all, 8, 2) == Ranges{{0, 8}, {0, 8}});
  CHECK(head_groups(HeadRule::first, 1, 3) == Ranges{{0, 1}, {1, 1}, {1, 1}});
}

TEST_CASE("dilated is one strided tile a pair, plus one for a short last segment") {
  const Pattern pattern = make_pattern(function_of(PatternName::dilated, {{8, 1}, {8, 2}}, 20, 4));
  REQUIRE(pattern.tiles.size() == 4);
  CHECK(pattern.tiles[0].query == Rows{.first = 0, .count = 8, .step = 1, .segments = 2, .segment_stride = 8});
  CHECK(pattern.tiles[1].query == Rows{.first = 16, .count = 4, .step = 1});
  CHECK(pattern.tiles[2].query == Rows{.first = 1, .count = 4, .step = 2, .segments = 2, .segment_stride = 8});
  CHECK(pattern.tiles[3].key == Rows{.first = 17, .count = 2, .step = 2});
  CHECK(pattern.scale == 0.5);
}

TEST_CASE("the guide's presets cover what DESIGN says: 58.3 % and 46.9 %") {
  CHECK(covered_share(make_pattern(function_of(PatternName::dilated, {{2048, 1}, {4096, 2}, {8192, 4}}, 8192, 6))) ==
        doctest::Approx(1.0 - 0.417).epsilon(1e-3));
  CHECK(covered_share(make_pattern(function_of(PatternName::dilated, {{4096, 1}, {8192, 2}, {16384, 4}, {32768, 8}},
                                               32768, 8))) == doctest::Approx(1.0 - 0.531).epsilon(1e-3));
}

TEST_CASE("attended couples are counted exactly") {
  CHECK(attended_pairs(make_pattern(function_of(PatternName::dense, {{6, 1}}, 6, 2))) == 72);
  CHECK(attended_pairs(make_pattern(function_of(PatternName::dense, {{6, 1}}, 6, 2, true))) == 42);
}

TEST_CASE("functions without meaning, and those that do not run, are told apart") {
  AttentionFunction f = function_of(PatternName::longnet, {{4, 1}, {8, 2}}, 8, 2);
  f.axes.join = JoinRule::single;
  CHECK_THROWS_AS(make_pattern(f), UsageError);
  f.axes.join = JoinRule::groups;
  CHECK_THROWS_AS(make_pattern(f), UsageError);
  f.axes.join = JoinRule::mean;
  CHECK_THROWS_AS(make_pattern(f), Unavailable);
  f.axes.join = JoinRule::softmax;
  f.axes.order = OrderRule::hilbert;
  CHECK_THROWS_AS(make_pattern(f), Unavailable);
  CHECK_THROWS_AS(make_pattern(function_of(PatternName::dilated, {}, 8, 2)), UsageError);
  CHECK_THROWS_AS(make_pattern(function_of(PatternName::dilated, {{0, 1}}, 8, 2)), UsageError);
}

}  // namespace ringattn
