#include "attention/attends.h"
#include "functions.h"
#include "oracle_matrix.h"

#include <doctest/doctest.h>

namespace ringattn {

using test::check_matrix;

TEST_CASE("a window lets a query see so many positions before and after itself") {
  AttentionFunction f = test::dense(12, 1, false);
  f.window = {2, 1};
  check_matrix(f, 0,
               {"11..........", "111.........", "1111........", ".1111.......",  //
                "..1111......", "...1111.....", "....1111....", ".....1111...",  //
                "......1111..", ".......1111.", "........1111", ".........111"});
  f.is_causal = true;
  check_matrix(f, 0,
               {"1...........", "11..........", "111.........", ".111........",  //
                "..111.......", "...111......", "....111.....", ".....111....",  //
                "......111...", ".......111..", "........111.", ".........111"});
  f.window = {0, 0};
  check_matrix(f, 0,
               {"1...........", ".1..........", "..1.........", "...1........",  //
                "....1.......", ".....1......", "......1.....", ".......1....",  //
                "........1...", ".........1..", "..........1.", "...........1"});
}

TEST_CASE("a window that is open on one side, or wider than any sequence, limits the other side alone") {
  AttentionFunction f = test::dense(5, 1, false);
  f.window = {-1, 1};
  check_matrix(f, 0, {"11...", "111..", "1111.", "11111", "11111"});
  f.window = {1, -1};
  check_matrix(f, 0, {"11111", "11111", ".1111", "..111", "...11"});
  f.window = {INT64_MAX, INT64_MAX};
  check_matrix(f, 0, {"11111", "11111", "11111", "11111", "11111"});
}

TEST_CASE("documents: a key is seen from its own document only") {
  AttentionFunction f = test::dense(12, 1, false);
  f.documents = {0, 5, 6, 12};
  check_matrix(f, 0,
               {"11111.......", "11111.......", "11111.......", "11111.......",  //
                "11111.......", ".....1......", "......111111", "......111111",  //
                "......111111", "......111111", "......111111", "......111111"});
  f.is_causal = true;
  f.window = {2, -1};
  check_matrix(f, 0,
               {"1...........", "11..........", "111.........", ".111........",  //
                "..111.......", ".....1......", "......1.....", "......11....",  //
                "......111...", ".......111..", "........111.", ".........111"});
}

TEST_CASE("segments ignore where documents start: a document only removes keys") {
  // Tiles of 6, keys 1, 3, 5 and 7, 9, 11 (o = 1); documents [0, 4), [4, 12).
  AttentionFunction f = test::dilated_keys({{6, 1}, {6, 2}}, 12, 2, false);
  f.documents = {0, 4, 12};
  check_matrix(f, 1,
               {".1.1........", ".1.1........", ".1.1........", ".1.1........",  //
                ".....1......", ".....1......", ".......1.1.1", ".......1.1.1",  //
                ".......1.1.1", ".......1.1.1", ".......1.1.1", ".......1.1.1"});
  f.window = {3, 0};
  check_matrix(f, 1,
               {"............", ".1..........", ".1..........", ".1.1........",  //
                "............", ".....1......", "............", ".......1....",  //
                ".......1....", ".......1.1..", ".......1.1..", ".........1.1"});
}

TEST_CASE("window and documents also limit residue classes and keys of the whole sequence") {
  AttentionFunction f = test::dilated_keys({{8, 3}}, 8, 1, false);
  f.axes.keys = KeyRule::residue;
  f.window = {3, 3};
  f.documents = {0, 6, 8};
  check_matrix(f, 0, {"1..1....", ".1..1...", "..1..1..", "1..1....", ".1..1...", "..1..1..", "......1.", ".......1"});
  f.axes.placement = Placement::first;
  f.pairs = {{4, 2}};
  f.axes.keys = KeyRule::sequence;  // even positions
  f.documents = {};
  check_matrix(f, 0, {"1.1.....", "1.1.1...", "1.1.1...", "1.1.1.1.", "........", "........", "........", "........"});
}

TEST_CASE("a slot triangle replaces causality by position, not window and documents") {
  AttentionFunction f = test::dilated_keys({{6, 2}}, 6, 1, true);  // keys 0, 2, 4 in slots 0, 1, 2
  f.window = {-1, 1};
  const Defects defects{SlotCausal{}};
  CHECK(key_weight(f, defects, 0, 0, 1, 2) == 1);
  CHECK(key_weight(f, defects, 0, 0, 2, 4) == 0);  // slot 2 <= 2, but 4 > 2 + 1
  f.window = {};
  CHECK(key_weight(f, defects, 0, 0, 2, 4) == 1);
}

}  // namespace ringattn
