#include "attention/oracle_curve.h"

#include "attention/attends.h"
#include "config/error.h"
#include "functions.h"
#include "oracle_matrix.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>

namespace ringattn {
namespace {

using oracle::curve_of;
using oracle::curve_order;
using test::check_matrix;
using test::keys_of;
using List = std::vector<std::int64_t>;

List first_of(List list, std::size_t count) {
  list.resize(count);
  return list;
}

/// The whole sequence as one segment: every query sees the places ≡ 0 (mod r).
AttentionFunction strided(OrderRule order, std::int64_t n, std::int64_t r, bool causal = false) {
  AttentionFunction f = test::dilated_keys({{n, r}}, n, 1, causal);
  f.axes.placement = Placement::whole;
  f.axes.order = order;
  return f;
}

}  // namespace

TEST_CASE("hilbert order of 4 x 4 cells, of 8 x 8 and 16 x 16 at their start") {
  CHECK(curve_order(OrderRule::hilbert, 16) == List{0, 1, 5, 4, 8, 12, 13, 9, 10, 14, 15, 11, 7, 6, 2, 3});
  CHECK(curve_order(OrderRule::hilbert, 8) == List{0, 1, 5, 4, 7, 6, 2, 3});
  CHECK(curve_order(OrderRule::hilbert, 1) == List{0});
  CHECK(curve_order(OrderRule::hilbert, 2) == List{0, 1});
  CHECK(curve_order(OrderRule::hilbert, 3) == List{0, 2, 1});  // down, then the corner 3 is missing
  CHECK(first_of(curve_order(OrderRule::hilbert, 64), 16) ==
        List{0, 8, 9, 1, 2, 3, 11, 10, 18, 19, 27, 26, 25, 17, 16, 24});
  CHECK(first_of(curve_order(OrderRule::hilbert, 256), 16) ==
        List{0, 1, 17, 16, 32, 48, 49, 33, 34, 50, 51, 35, 19, 18, 2, 3});
}

TEST_CASE("hilbert order of 65 and 96 rows walks the 16 x 16 grid and leaves out the cells that are no rows") {
  const List start{0, 1,  17, 16, 32, 48, 49, 33, 34, 50, 51, 35, 19, 18, 2,  3,
                   4, 20, 21, 5,  6,  7,  23, 22, 38, 39, 55, 54, 53, 37, 36, 52};
  const List order_65 = curve_order(OrderRule::hilbert, 65);
  CHECK(first_of(order_65, 32) == start);
  CHECK(order_65[32] == 64);  // column 0 of grid row 4 is all there is of it
  CHECK(order_65[64] == 15);  // the curve ends in the corner of grid row 0
  const List order_96 = curve_order(OrderRule::hilbert, 96);
  CHECK(first_of(order_96, 32) == start);
  const List third{68, 84, 85, 69, 70, 71, 87, 86};  // columns 4 … 7 of grid rows 4 and 5
  CHECK(List(order_96.begin() + 32, order_96.begin() + 40) == third);
  CHECK(order_96[95] == 15);
}

TEST_CASE("every step of a hilbert order of 4^m rows goes to a neighbouring cell") {
  for (const std::int64_t g : {2, 4, 8, 16, 32, 64}) {
    const List order = curve_order(OrderRule::hilbert, g * g);
    for (std::size_t p = 1; p < order.size(); ++p) {
      const std::int64_t dx = std::abs(order[p] % g - order[p - 1] % g);
      const std::int64_t dy = std::abs(order[p] / g - order[p - 1] / g);
      REQUIRE(dx + dy == 1);
    }
  }
}

TEST_CASE("snake order is the identity up to 64 rows; beyond, every other row of the square runs backwards") {
  CHECK(curve_of(OrderRule::snake, 64) == nullptr);
  const List order_65 = curve_order(OrderRule::snake, 65);  // g = 9: seven whole rows and 63, 64 in an odd one
  CHECK(List(order_65.begin(), order_65.begin() + 20) ==
        List{0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 16, 15, 14, 13, 12, 11, 10, 9, 18, 19});
  CHECK(List(order_65.end() - 4, order_65.end()) == List{61, 62, 64, 63});
  const List order_66 = curve_order(OrderRule::snake, 66);
  CHECK(List(order_66.end() - 4, order_66.end()) == List{62, 65, 64, 63});
  const List order_96 = curve_order(OrderRule::snake, 96);  // g = 10
  CHECK(List(order_96.end() - 8, order_96.end()) == List{88, 89, 95, 94, 93, 92, 91, 90});
  CHECK(List(order_96.begin() + 8, order_96.begin() + 22) ==
        List{8, 9, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 20, 21});
}

TEST_CASE("turned order is the identity up to 64 rows and starts as recorded at 128 and 256") {
  CHECK(curve_of(OrderRule::turned, 64) == nullptr);
  const List start{0, 16, 17, 1, 2, 3, 19, 18, 34, 35, 51, 50, 49, 48, 32, 33, 64, 65, 81, 80};
  CHECK(first_of(curve_order(OrderRule::turned, 128), 20) == start);
  CHECK(first_of(curve_order(OrderRule::turned, 256), 20) == start);
}

TEST_CASE("turned order has L/16 - 1 steps to cells that are not neighbours, and names few rows twice") {
  for (const std::int64_t length : {128, 256, 1024, 4096}) {
    const std::int64_t g = length == 128 || length == 256 ? 16 : length == 1024 ? 32 : 64;
    const List order = curve_order(OrderRule::turned, length);
    std::int64_t jumps = 0;
    for (std::size_t p = 1; p < order.size(); ++p) {
      const std::int64_t distance =
          std::abs(order[p] % g - order[p - 1] % g) + std::abs(order[p] / g - order[p - 1] / g);
      jumps += distance == 1 ? 0 : 1;
    }
    CHECK(jumps == length / 16 - 1);
  }
  const auto distinct = [](std::int64_t length) {
    const List order = curve_order(OrderRule::turned, length);
    return std::set<std::int64_t>(order.begin(), order.end()).size();
  };
  CHECK(distinct(65) == 50);
  CHECK(distinct(96) == 88);
  CHECK(distinct(100) == 94);
  CHECK(distinct(1000) == 976);
  CHECK(distinct(3072) == 2816);
}

TEST_CASE("a curve and its inverse undo each other at every length") {
  for (const OrderRule rule : {OrderRule::hilbert, OrderRule::snake}) {
    for (std::int64_t length = 1; length < 300; ++length) {
      const auto curve = curve_of(rule, length);
      if (!curve) continue;
      List sorted = curve->order;
      std::sort(sorted.begin(), sorted.end());
      List identity(sorted.size());
      std::iota(identity.begin(), identity.end(), 0);
      REQUIRE(sorted == identity);
      for (std::size_t p = 0; p < sorted.size(); ++p)
        REQUIRE(curve->place[static_cast<std::size_t>(curve->order[p])] == static_cast<std::int64_t>(p));
    }
  }
}

TEST_CASE("turned is refused where it is no permutation and its places count, and only there") {
  for (const std::int64_t n : {65, 66, 96, 200, 1000}) CHECK_THROWS_AS(curve_of(OrderRule::turned, n), UsageError);
  CHECK_THROWS_WITH_AS(
      check_function(strided(OrderRule::turned, 96, 2)),
      "axes/order: 'turned' is no permutation of 96 rows; segments that it orders want at most 64 rows or a power of "
      "two, or use order 'hilbert'",
      UsageError);
  CHECK_NOTHROW(check_function(strided(OrderRule::turned, 128, 2)));
  CHECK_NOTHROW(check_function(strided(OrderRule::turned, 64, 2)));
  CHECK_NOTHROW(check_function(strided(OrderRule::turned, 96, 1)));  // nothing is dilated
  AttentionFunction f = test::dilated_keys({{128, 2}}, 128 + 96, 1, false);
  f.axes.order = OrderRule::turned;
  CHECK_NOTHROW(check_function(f));  // the tail of 96 is dense
  f.axes.tail = TailRule::zero;
  CHECK_NOTHROW(check_function(f));
  f.axes.tail = TailRule::shortened;
  CHECK_THROWS_AS(check_function(f), UsageError);
}

TEST_CASE("keys are dilated along the curve, causality goes by position; n = 16, r = 4") {
  // Places 0, 4, 8, 12 of the curve are rows 0, 8, 10, 7.
  check_matrix(strided(OrderRule::hilbert, 16, 4), 0, test::Matrix(16, "1......11.1....."));
  check_matrix(strided(OrderRule::hilbert, 16, 4, true), 0,
               {"1...............", "1...............", "1...............", "1...............",  //
                "1...............", "1...............", "1...............", "1......1........",  //
                "1......11.......", "1......11.......", "1......11.1.....", "1......11.1.....",  //
                "1......11.1.....", "1......11.1.....", "1......11.1.....", "1......11.1....."});
  AttentionFunction f = strided(OrderRule::hilbert, 16, 4);
  f.window = {4, 1};
  f.documents = {0, 8, 16};
  check_matrix(f, 0,
               {"1...............", "1...............", "1...............", "1...............",  //
                "1...............", "................", ".......1........", ".......1........",  //
                "........1.......", "........1.1.....", "........1.1.....", "........1.1.....",  //
                "........1.1.....", "..........1.....", "..........1.....", "................"});
}

TEST_CASE("residue classes and dilated queries are classes of places") {
  AttentionFunction f = strided(OrderRule::hilbert, 16, 4);
  f.axes.keys = KeyRule::residue;
  // Classes of the order 0 1 5 4 | 8 12 13 9 | 10 14 15 11 | 7 6 2 3: {0 8 10 7}, {1 12 14 6}, {5 13 15 2}, {4 9 11 3}.
  const std::string_view a = "1......11.1.....", b = ".1....1.....1.1.", c = "..1..1.......1.1", d = "...11....1.1....";
  check_matrix(f, 0, {a, b, c, d, d, c, b, a, a, d, a, d, b, c, b, c});
  f.axes.keys = KeyRule::dilated;
  f.axes.queries = QueryRule::dilated;
  f.axes.offset = OffsetRule::head;
  f.heads = 2;
  const std::string_view none = "................";
  check_matrix(f, 1, {none, b, none, none, none, none, b, none, none, none, none, none, b, none, b, none});
}

TEST_CASE("each segment has a curve of its own; keys 'sequence' count along the curve of the whole sequence") {
  // Order of 8 rows: 0 1 5 4 7 6 2 3; its places 0 and 4 are rows 0 and 7.
  AttentionFunction f = test::dilated_keys({{8, 4}}, 16, 1, false);
  f.axes.order = OrderRule::hilbert;
  CHECK(keys_of(f, 0, 0, 3) == List{0, 7});
  CHECK(keys_of(f, 0, 0, 12) == List{8, 15});
  f.axes.keys = KeyRule::sequence;
  CHECK(keys_of(f, 0, 0, 3) == List{0, 7, 8, 10});
  f.axes.queries = QueryRule::dilated;
  for (std::int64_t query = 0; query < 16; ++query) {
    const bool is_query = query == 0 || query == 7 || query == 8 || query == 15;
    CHECK(keys_of(f, 0, 0, query) == (is_query ? List{0, 7, 8, 10} : List{}));
  }
}

TEST_CASE("a short tail has the curve of its own length, a dense tail has none") {
  AttentionFunction f = test::dilated_keys({{16, 4}}, 24, 1, false);
  f.axes.order = OrderRule::hilbert;
  f.axes.tail = TailRule::shortened;
  CHECK(keys_of(f, 0, 0, 5) == List{0, 7, 8, 10});
  CHECK(keys_of(f, 0, 0, 20) == List{16, 23});
  f.axes.tail = TailRule::dense;
  CHECK(keys_of(f, 0, 0, 20) == List{16, 17, 18, 19, 20, 21, 22, 23});
  f.axes.tail = TailRule::zero;
  CHECK(keys_of(f, 0, 0, 20).empty());
}

TEST_CASE("snake keys of 66 and 96 rows, hilbert keys of 65 rows, turned keys of 128 rows") {
  CHECK(keys_of(strided(OrderRule::snake, 66, 9), 0, 0, 40) == List{0, 17, 18, 35, 36, 53, 54, 65});
  CHECK(keys_of(strided(OrderRule::snake, 65, 9), 0, 0, 40) == List{0, 17, 18, 35, 36, 53, 54, 64});
  CHECK(keys_of(strided(OrderRule::snake, 96, 10), 0, 0, 0) == List{0, 19, 20, 39, 40, 59, 60, 79, 80, 95});
  CHECK(keys_of(strided(OrderRule::hilbert, 65, 32), 0, 0, 0) == List{0, 15, 64});
  AttentionFunction turned = strided(OrderRule::turned, 128, 16, true);
  CHECK(attends(turned, 0, 0, 64, 64));  // place 16
  CHECK(attends(turned, 0, 0, 64, 0));
  CHECK_FALSE(attends(turned, 0, 0, 64, 33));  // place 15
  CHECK_FALSE(attends(turned, 0, 0, 63, 64));
}

TEST_CASE("a slot triangle along a curve goes by places") {
  // The order of 16 rows: row 8 has place 4, row 1 has place 1.
  AttentionFunction f = strided(OrderRule::hilbert, 16, 1, true);
  const Defects defects{SlotCausal{}};
  CHECK(key_weight(f, defects, 0, 0, 8, 1) == 1);
  CHECK(key_weight(f, defects, 0, 0, 8, 5) == 1);   // place 2
  CHECK(key_weight(f, defects, 0, 0, 8, 12) == 0);  // place 5
  CHECK(key_weight(f, defects, 0, 0, 8, 7) == 0);   // place 12, though an earlier position
  CHECK(key_weight(f, {}, 0, 0, 8, 7) == 1);
}

}  // namespace ringattn
