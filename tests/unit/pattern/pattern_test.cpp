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

TEST_CASE("functions without meaning are refused with what would be right") {
  const auto message = [](const AttentionFunction& f) -> std::string {
    try {
      make_pattern(f);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  AttentionFunction f = function_of(PatternName::longnet, {{4, 1}, {8, 2}}, 8, 2);
  f.axes.join = JoinRule::single;
  CHECK(message(f).starts_with("pattern/join: \"single\" needs pairs that never meet"));
  f.axes.join = JoinRule::groups;
  CHECK(message(f).starts_with("pattern/join: \"groups\" divides by the number of head groups"));
  f.axes.join = JoinRule::mean;
  CHECK(message(f).empty());
  f.axes.heads = HeadRule::first;
  CHECK(message(f).ends_with("use \"groups\""));
  f.axes.heads = HeadRule::all;
  f.axes.placement = Placement::spans;
  CHECK(message(f).ends_with("use \"single\""));
  f = function_of(PatternName::dense, {{200, 2}}, 200, 2);
  f.axes.keys = KeyRule::dilated;
  f.axes.order = OrderRule::turned;
  CHECK(message(f).find("200") != std::string::npos);
  CHECK_FALSE(message(function_of(PatternName::dilated, {}, 8, 2)).empty());
  CHECK_FALSE(message(function_of(PatternName::dilated, {{0, 1}}, 8, 2)).empty());
}

TEST_CASE("join mean keeps a state a pair and divides by their number") {
  AttentionFunction f = function_of(PatternName::longnet, {{4, 1}, {8, 2}, {8, 4}}, 8, 2);
  f.axes.join = JoinRule::mean;
  const Pattern pattern = make_pattern(f);
  CHECK(pattern.states == 3);
  CHECK(pattern.scale == doctest::Approx(1.0 / 3));
}

TEST_CASE("windows and documents leave fewer couples") {
  AttentionFunction f = function_of(PatternName::dense, {{6, 1}}, 6, 1);
  f.window = {1, 0};
  CHECK(attended_pairs(make_pattern(f)) == 11);
  f.documents = {0, 2, 6};
  CHECK(attended_pairs(make_pattern(f)) == 10);
  f.window = {};
  CHECK(attended_pairs(make_pattern(f)) == 4 + 16);
}

}  // namespace ringattn
