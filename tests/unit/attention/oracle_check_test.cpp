#include "attention/attends.h"
#include "config/error.h"
#include "functions.h"

#include <doctest/doctest.h>

#include <limits>

namespace ringattn {
namespace {

AttentionFunction good() { return test::dilated({{4, 1}, {6, 2}, {12, 3}}, 12, 6, false); }

template <typename Change>
void refused(const char* message, Change change) {
  AttentionFunction f = good();
  change(f);
  CHECK_THROWS_WITH_AS(check_function(f), message, UsageError);
}

}  // namespace

TEST_CASE("numbers out of range are refused by field, value and what would be right") {
  CHECK_NOTHROW(check_function(good()));
  refused("seq_len: 0 must be at least 1", [](auto& f) { f.seq_len = 0; });
  refused("heads: 0 must be at least 1", [](auto& f) { f.heads = 0; });
  refused("pairs: the list is empty; a pattern has at least one (w, r) pair", [](auto& f) { f.pairs.clear(); });
  refused("pairs/1/dilation_rate: 0 must be at least 1", [](auto& f) { f.pairs[1].dilation_rate = 0; });
  refused("pairs/2/segment_length: -4 must be at least 1", [](auto& f) { f.pairs[2].segment_length = -4; });
  refused("kv_heads: 4 must divide the 6 query heads (0: as many as those)", [](auto& f) { f.kv_heads = 4; });
  refused("kv_heads: 12 must divide the 6 query heads (0: as many as those)", [](auto& f) { f.kv_heads = 12; });
  refused("kv_heads: -1 must divide the 6 query heads (0: as many as those)", [](auto& f) { f.kv_heads = -1; });
  refused("window/left: -2 must be a number of positions, or -1 for no limit", [](auto& f) { f.window.left = -2; });
  refused("window/right: -9 must be a number of positions, or -1 for no limit", [](auto& f) { f.window.right = -9; });
  refused("dropout: 1.500000 must be a probability, 0 to 1", [](auto& f) { f.dropout = 1.5; });
  refused("dropout: -0.100000 must be a probability, 0 to 1", [](auto& f) { f.dropout = -0.1; });
  AttentionFunction f = good();
  f.dropout = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(check_function(f), UsageError);
  f = good();
  f.softmax_scale = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(check_function(f), UsageError);
  f = good();
  f.kv_heads = 3, f.dropout = 1.0, f.softmax_scale = 0.5, f.window = {0, 5}, f.documents = {0, 12};
  CHECK_NOTHROW(check_function(f));
}

TEST_CASE("documents must be cumulative lengths from 0 to n") {
  const char* rule = " (cumulative lengths from 0 to the sequence length, ascending)";
  const auto documents = [&](std::vector<std::int64_t> list, const std::string& message) {
    AttentionFunction f = good();
    f.documents = std::move(list);
    CHECK_THROWS_WITH_AS(check_function(f), (message + rule).c_str(), UsageError);
  };
  documents({1, 12}, "documents/0: 1 must be 0");
  documents({0, 5, 5, 12}, "documents/2: 5 must be more than 5");
  documents({0, 5, 11}, "documents/2: 11 must be 12");
  documents({0}, "documents/0: 0 must be 12");
}

TEST_CASE("joins that have no meaning for the axes are refused with the reason") {
  refused(
      "axes/join: 'single' has no meaning where 3 pairs meet on a row, as heads 'all' lets them; use 'softmax' or "
      "'mean', or heads in groups",
      [](auto& f) { f.axes.heads = HeadRule::all, f.axes.join = JoinRule::single; });
  refused(
      "axes/join: 'groups' divides by the number of head groups, but heads 'all' has none and 3 pairs; use 'softmax' "
      "or 'mean', or heads in groups",
      [](auto& f) { f.axes.heads = HeadRule::all; });
  refused(
      "axes/join: 'groups' divides by the number of head groups, but heads 'all' has none and 3 pairs; use 'single', "
      "or heads in groups",
      [](auto& f) { f.axes.heads = HeadRule::all, f.axes.placement = Placement::spans; });
  refused(
      "axes/join: 'mean' averages pairs that meet on a row, but these 3 pairs never do (each has heads of its own); "
      "use 'groups', or heads 'all'",
      [](auto& f) { f.axes.join = JoinRule::mean; });
  refused(
      "axes/join: 'mean' averages pairs that meet on a row, but these 3 pairs never do (placement 'spans' lays them "
      "side by side); use 'single'",
      [](auto& f) { f.axes.heads = HeadRule::all, f.axes.placement = Placement::spans, f.axes.join = JoinRule::mean; });
  AttentionFunction f = good();
  f.axes.heads = HeadRule::all;
  for (const JoinRule join : {JoinRule::mean, JoinRule::softmax}) {
    f.axes.join = join;
    CHECK_NOTHROW(check_function(f));
  }
  f.axes.placement = Placement::spans;
  f.axes.join = JoinRule::single;
  CHECK_NOTHROW(check_function(f));
  f.axes.placement = Placement::tiles;
  f.pairs.resize(1);
  for (const JoinRule join : {JoinRule::single, JoinRule::groups, JoinRule::mean, JoinRule::softmax}) {
    f.axes.join = join;
    CHECK_NOTHROW(check_function(f));  // one pair has nothing to join
  }
}

}  // namespace ringattn
