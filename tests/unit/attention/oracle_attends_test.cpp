#include "attention/attends.h"
#include "config/error.h"
#include "functions.h"
#include "oracle_matrix.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {
namespace {

using test::check_matrix;
using test::Matrix;
using test::matrix_of;

const std::vector<Pair> three_pairs{{4, 1}, {6, 2}, {12, 3}};

}  // namespace

TEST_CASE("dense attention attends everything, or everything up to the query") {
  const AttentionFunction full = test::dense(4, 2, false);
  check_matrix(full, 0, {"1111", "1111", "1111", "1111"});
  check_matrix(full, 1, {"1111", "1111", "1111", "1111"});
  check_matrix(test::dense(4, 2, true), 1, {"1...", "11..", "111.", "1111"});
}

TEST_CASE("dilated, n = 12, three groups: both queries and keys lie in the pair's residue class of each segment") {
  const AttentionFunction f = test::dilated(three_pairs, 12, 5, false);               // groups of 2, 2, 1 heads
  const Matrix first{"1111........", "1111........", "1111........", "1111........",  //
                     "....1111....", "....1111....", "....1111....", "....1111....",  //
                     "........1111", "........1111", "........1111", "........1111"};
  const Matrix second{"............", ".1.1.1......", "............", ".1.1.1......",  //
                      "............", ".1.1.1......", "............", ".......1.1.1",  //
                      "............", ".......1.1.1", "............", ".......1.1.1"};
  const Matrix third{"............", "............", "..1..1..1..1", "............",  //
                     "............", "..1..1..1..1", "............", "............",  //
                     "..1..1..1..1", "............", "............", "..1..1..1..1"};
  check_matrix(f, 0, first);
  check_matrix(f, 1, first);
  check_matrix(f, 2, second);
  check_matrix(f, 3, second);
  check_matrix(f, 4, third);
}

TEST_CASE("dilated and causal, n = 12: no key after the query's position") {
  const AttentionFunction f = test::dilated(three_pairs, 12, 3, true);
  check_matrix(f, 0,
               {"1...........", "11..........", "111.........", "1111........",  //
                "....1.......", "....11......", "....111.....", "....1111....",  //
                "........1...", "........11..", "........111.", "........1111"});
  check_matrix(f, 1,
               {"............", ".1..........", "............", ".1.1........",  //
                "............", ".1.1.1......", "............", ".......1....",  //
                "............", ".......1.1..", "............", ".......1.1.1"});
  check_matrix(f, 2,
               {"............", "............", "..1.........", "............",  //
                "............", "..1..1......", "............", "............",  //
                "..1..1..1...", "............", "............", "..1..1..1..1"});
}

TEST_CASE("dilated_keys, n = 12, three groups: every row of a segment sees the segment's dilated keys") {
  const AttentionFunction f = test::dilated_keys(three_pairs, 12, 5, false);          // groups of 1, 2, 2 heads
  const Matrix first{"1111........", "1111........", "1111........", "1111........",  //
                     "....1111....", "....1111....", "....1111....", "....1111....",  //
                     "........1111", "........1111", "........1111", "........1111"};
  const Matrix second{".1.1.1......", ".1.1.1......", ".1.1.1......", ".1.1.1......",  //
                      ".1.1.1......", ".1.1.1......", ".......1.1.1", ".......1.1.1",  //
                      ".......1.1.1", ".......1.1.1", ".......1.1.1", ".......1.1.1"};
  const Matrix third(12, "..1..1..1..1");
  check_matrix(f, 0, first);
  check_matrix(f, 1, second);
  check_matrix(f, 2, second);
  check_matrix(f, 3, third);
  check_matrix(f, 4, third);
}

TEST_CASE("dilated_keys and causal: early rows of a segment may see no key at all") {
  const AttentionFunction f = test::dilated_keys(three_pairs, 12, 3, true);
  check_matrix(f, 1,
               {"............", ".1..........", ".1..........", ".1.1........",  //
                ".1.1........", ".1.1.1......", "............", ".......1....",  //
                ".......1....", ".......1.1..", ".......1.1..", ".......1.1.1"});
  check_matrix(f, 2,
               {"............", "............", "..1.........", "..1.........",  //
                "..1.........", "..1..1......", "..1..1......", "..1..1......",  //
                "..1..1..1...", "..1..1..1...", "..1..1..1...", "..1..1..1..1"});
}

TEST_CASE(
    "a short tail is a segment of its own and stays dilated; a dense tail sees itself whole; a zero tail sees "
    "nothing") {
  const std::vector<Pair> pairs{{5, 1}, {5, 2}};
  check_matrix(test::dilated(pairs, 12, 2, false), 1,
               {"............", ".1.1........", "............", ".1.1........",  //
                "............", "............", "......1.1...", "............",  //
                "......1.1...", "............", "............", "...........1"});
  check_matrix(test::dilated_keys(pairs, 12, 2, false), 1,
               {".1.1........", ".1.1........", ".1.1........", ".1.1........",  //
                ".1.1........", "......1.1...", "......1.1...", "......1.1...",  //
                "......1.1...", "......1.1...", "..........11", "..........11"});
  AttentionFunction zero = test::dilated_keys(pairs, 12, 2, true);
  zero.axes.tail = TailRule::zero;
  const auto rows = matrix_of(zero, 1);
  CHECK(rows[9] == "......1.1...");
  CHECK(rows[10] == "............");
  CHECK(rows[11] == "............");
}

TEST_CASE("a segment longer than the sequence is clipped to it, and the offset is i mod r") {
  // Pair 2 has r = 2, so o = 0; pair 3 has r = 2, so o = 1.
  const AttentionFunction f = test::dilated({{3, 1}, {3, 1}, {100, 2}, {100, 2}}, 5, 4, false);
  check_matrix(f, 2, {"1.1.1", ".....", "1.1.1", ".....", "1.1.1"});
  check_matrix(f, 3, {".....", ".1.1.", ".....", ".1.1.", "....."});
}

TEST_CASE("an offset beyond the segment leaves no query and no key") {
  const AttentionFunction f = test::dilated({{2, 4}, {2, 4}, {2, 4}, {2, 4}}, 4, 4, false);
  check_matrix(f, 2, {"....", "....", "....", "...."});
  check_matrix(f, 1, {"....", ".1..", "....", "...1"});
}

TEST_CASE("the remainder of the heads goes to the first or last groups, to the last group alone, or to nobody") {
  const auto counts = [](HeadRule rule, std::int64_t heads) {
    AttentionFunction f = test::dilated(three_pairs, 12, heads, false);
    f.axes.heads = rule;
    std::array<std::int64_t, 3> result{};
    for (std::int64_t i = 0; i < 3; ++i) result[static_cast<std::size_t>(i)] = oracle::heads_of_pair(f, i).count;
    return result;
  };
  using Counts = std::array<std::int64_t, 3>;
  CHECK(counts(HeadRule::first, 8) == Counts{3, 3, 2});
  CHECK(counts(HeadRule::last, 8) == Counts{2, 3, 3});
  CHECK(counts(HeadRule::rest, 8) == Counts{2, 2, 4});
  CHECK(counts(HeadRule::drop, 8) == Counts{2, 2, 2});
  CHECK(counts(HeadRule::all, 8) == Counts{8, 8, 8});
  CHECK(counts(HeadRule::first, 2) == Counts{1, 1, 0});
  CHECK(counts(HeadRule::last, 2) == Counts{0, 1, 1});
  CHECK(counts(HeadRule::rest, 2) == Counts{0, 0, 2});
}

TEST_CASE("groups are contiguous and in the order of the pairs") {
  for (const HeadRule rule : {HeadRule::first, HeadRule::last, HeadRule::rest, HeadRule::drop}) {
    for (std::int64_t heads = 1; heads <= 9; ++heads) {
      AttentionFunction f = test::dilated(three_pairs, 12, heads, false);
      f.axes.heads = rule;
      std::int64_t next = 0;
      for (std::int64_t i = 0; i < 3; ++i) {
        const oracle::HeadSpan span = oracle::heads_of_pair(f, i);
        CHECK(span.first == next);
        next += span.count;
      }
      CHECK(next == (rule == HeadRule::drop ? heads / 3 * 3 : heads));
    }
  }
}

TEST_CASE("the other placements, offsets, query and key rules, n = 6") {
  AttentionFunction f = test::dilated_keys({{2, 1}, {3, 2}}, 6, 2, false);
  f.axes.placement = Placement::spans;  // pair 1 owns rows 2, 3, 4
  f.axes.keys = KeyRule::residue;
  check_matrix(f, 1, {"......", "......", "..1.1.", "...1..", "..1.1.", "......"});

  f.axes.placement = Placement::first;
  check_matrix(f, 1, {"1.1...", ".1....", "1.1...", "......", "......", "......"});
  f.axes.keys = KeyRule::all;
  check_matrix(f, 1, {"111...", "111...", "111...", "......", "......", "......"});
  f.axes.keys = KeyRule::sequence;  // o = 1: all odd positions of the whole sequence
  check_matrix(f, 1, {".1.1.1", ".1.1.1", ".1.1.1", "......", "......", "......"});

  f.axes.placement = Placement::spans;  // rows 2, 3, 4 again
  check_matrix(f, 1, {"......", "......", ".1.1.1", ".1.1.1", ".1.1.1", "......"});

  f.axes.placement = Placement::tiles;
  f.axes.keys = KeyRule::dilated;
  f.axes.offset = OffsetRule::zero;
  check_matrix(f, 1, {"1.1...", "1.1...", "1.1...", "...1.1", "...1.1", "...1.1"});
  f.axes.offset = OffsetRule::tile;  // t mod 2
  check_matrix(f, 1, {"1.1...", "1.1...", "1.1...", "....1.", "....1.", "....1."});
  f.axes.offset = OffsetRule::segment;  // (1 + t) mod 2
  check_matrix(f, 1, {".1....", ".1....", ".1....", "...1.1", "...1.1", "...1.1"});
  f.axes.offset = OffsetRule::head;  // head 1
  f.axes.queries = QueryRule::dilated;
  check_matrix(f, 1, {"......", ".1....", "......", "......", "....1.", "......"});
}

TEST_CASE("keys() lists exactly the keys that weigh anything, for every axis value, with and without defects") {
  const std::vector<Defects> defect_lists{{}, {SlotCausal{}}, {CyclicMultiset{}}, {SlotCausal{}, CyclicMultiset{}}};
  std::int64_t rows_with_keys = 0;
  for (int code = 0; code < 4 * 5 * 2 * 4 * 3 * 4 * 2; ++code) {
    AttentionFunction f = test::dilated({{4, 2}, {7, 3}}, 17, 3, (code + code / 4) % 2 == 0);
    f.axes.placement = static_cast<Placement>(code % 4);
    f.axes.offset = static_cast<OffsetRule>(code / 4 % 5);
    f.axes.queries = static_cast<QueryRule>(code / 20 % 2);
    f.axes.keys = static_cast<KeyRule>(code / 40 % 4);
    f.axes.tail = static_cast<TailRule>(code / 160 % 3);
    f.axes.order = static_cast<OrderRule>(code / 480 % 4);
    if (code / 1920 == 1) f.window = {5, 3}, f.documents = {0, 6, 17};
    for (const Defects& defects : defect_lists) {
      for (std::int64_t head = 0; head < f.heads; ++head) {
        for (std::int64_t query = 0; query < f.seq_len; ++query) {
          const std::int64_t pair = head < 2 ? 0 : 1;
          std::vector<std::int64_t> listed;
          const auto view = oracle::QueryView::resolve(f, defects, pair, head, query);
          if (view) {
            view->for_each_key(0, f.seq_len, [&](std::int64_t key, std::int64_t) { listed.push_back(key); });
            const auto [begin, end] = view->keys().range();
            REQUIRE((listed.empty() || (listed.front() >= begin && listed.back() < end)));
            if (const auto keys = view->keys().progression()) {
              REQUIRE(keys->count == static_cast<std::int64_t>(listed.size()));
              REQUIRE((listed.empty() || (listed.front() == keys->first && listed.back() == keys->end() - 1)));
            }
          }
          std::vector<std::int64_t> weighing;
          for (std::int64_t key = 0; key < f.seq_len; ++key) {
            if (view && view->weight(key) > 0) weighing.push_back(key);
          }
          REQUIRE(listed == weighing);
          rows_with_keys += weighing.empty() ? 0 : 1;
        }
      }
    }
  }
  CHECK(rows_with_keys > 10'000);
}

TEST_CASE("a slot-order triangle shows the first a + 1 dilated keys, whatever their positions") {
  const AttentionFunction f = test::dilated_keys({{6, 2}}, 6, 1, true);  // keys 0, 2, 4 in slots 0, 1, 2
  const auto weights = [&](const Defects& defects, std::int64_t query) {
    std::vector<std::int64_t> result;
    for (std::int64_t key = 0; key < 6; ++key) result.push_back(key_weight(f, defects, 0, 0, query, key));
    return result;
  };
  using Row = std::vector<std::int64_t>;
  CHECK(weights({}, 1) == Row{1, 0, 0, 0, 0, 0});
  CHECK(weights({SlotCausal{}}, 1) == Row{1, 0, 1, 0, 0, 0});
  CHECK(weights({SlotCausal{}}, 5) == Row{1, 0, 1, 0, 1, 0});
  // Slots 0 … 5 hold keys 0, 2, 4, 0, 2, 4; query slot 4 sees five of them.
  CHECK(weights({SlotCausal{}, CyclicMultiset{}}, 4) == Row{2, 0, 2, 0, 1, 0});
}

TEST_CASE("a cyclic multiset of 10 slots over keys 1, 4, 7 counts the first key four times") {
  const AttentionFunction f = test::dilated_keys({{10, 1}, {10, 3}}, 10, 2, false);
  CHECK(key_weight(f, {CyclicMultiset{}}, 1, 1, 0, 1) == 4);
  CHECK(key_weight(f, {CyclicMultiset{}}, 1, 1, 0, 4) == 3);
  CHECK(key_weight(f, {CyclicMultiset{}}, 1, 1, 9, 7) == 3);
  CHECK(key_weight(f, {CyclicMultiset{}}, 1, 1, 9, 8) == 0);
}

TEST_CASE("indices outside the function are refused by name") {
  const AttentionFunction f = test::dilated(three_pairs, 12, 5, false);
  CHECK_THROWS_WITH_AS(attends(f, 3, 0, 0, 0), "pair: 3 is outside [0, 3)", UsageError);
  CHECK_THROWS_WITH_AS(attends(f, 0, 5, 0, 0), "head: 5 is outside [0, 5)", UsageError);
  CHECK_THROWS_WITH_AS(attends(f, 0, 0, 12, 0), "query: 12 is outside [0, 12)", UsageError);
  CHECK_THROWS_WITH_AS(attends(f, 0, 0, 0, -1), "key: -1 is outside [0, 12)", UsageError);
}

TEST_CASE("defects are found by name, and an unknown name lists those that exist") {
  CHECK(name_of(find_defect("slot_causal")) == "slot_causal");
  CHECK(to_string(Defects{SlotCausal{}, CyclicMultiset{}}) == "slot_causal + cyclic_multiset");
  CHECK_THROWS_WITH_AS(
      find_defect("slot"),
      doctest::Contains("defect: 'slot' is not known; known defects: slot_causal, cyclic_multiset, head_mixing, "),
      UsageError);
  for (const Defect& defect : defect_registry()) CHECK(!summary_of(defect).empty());
}

}  // namespace ringattn
