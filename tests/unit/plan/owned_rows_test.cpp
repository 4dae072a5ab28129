#include "plan/owned_rows.h"

#include "plan/layout.h"

#include <doctest/doctest.h>

#include <random>

namespace ringattn {
namespace {

/// Straight from the words: the rows in the range that are owned, with the number that they have among the owned.
OwnedRows by_hand(const std::vector<std::int64_t>& rows, const PositionRange& range, const Positions& owned) {
  OwnedRows found;
  const std::vector<std::int64_t> positions = expand(owned);
  for (const std::int64_t row : rows) {
    for (std::size_t slot = 0; slot < positions.size(); ++slot) {
      if (positions[slot] != row || row < range.begin || row >= range.end) continue;
      found.position.push_back(row);
      found.slot.push_back(static_cast<std::int64_t>(slot));
    }
  }
  return found;
}

void check_equal(const OwnedRows& seen, const OwnedRows& wanted) {
  CHECK(seen.position == wanted.position);
  CHECK(seen.slot == wanted.slot);
}

}  // namespace

TEST_CASE("a progression is clipped to the rows within a range") {
  const Rows rows{.first = 3, .count = 5, .step = 4};  // 3, 7, 11, 15, 19
  CHECK(clip(rows, {0, 100}) == rows);
  CHECK(clip(rows, {7, 19}) == Rows{.first = 7, .count = 3, .step = 4});
  CHECK(clip(rows, {8, 12}) == Rows{.first = 11, .count = 1, .step = 4});
  CHECK(clip(rows, {8, 11}).count == 0);
  CHECK(clip(rows, {20, 30}).count == 0);
  CHECK(clip(rows, {0, 3}).count == 0);
  CHECK(clip(rows, {10, 5}).count == 0);
}

TEST_CASE("owned rows of a zigzag rank carry their local numbers") {
  const Positions owned = RowLayout{LayoutKind::zigzag, 16, 2}.positions(1);  // 4 … 11
  check_equal(owned_rows(Rows{.first = 1, .count = 5, .step = 3}, {0, 16}, owned), {{4, 7, 10}, {0, 3, 6}});
  const Positions outer = RowLayout{LayoutKind::zigzag, 16, 2}.positions(0);  // 0 … 3, 12 … 15
  check_equal(owned_rows(Rows{.first = 1, .count = 5, .step = 3}, {2, 16}, outer), {{13}, {5}});
}

TEST_CASE("progressions and lists agree with a search by hand, for every layout") {
  std::mt19937 random(21);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int trial = 0; trial < 600; ++trial) {
    const std::int64_t n = pick(1, 70);
    const RowLayout layout{static_cast<LayoutKind>(trial % 3), n, static_cast<int>(pick(1, 9))};
    const Positions owned = layout.positions(static_cast<int>(pick(0, layout.world_size - 1)));
    const std::int64_t first = pick(0, n - 1), step = pick(1, 7);
    const Rows rows{.first = first, .count = pick(1, (n - first + step - 1) / step), .step = step};
    const PositionRange range{pick(0, n), pick(0, n)};
    const OwnedRows wanted = by_hand(expand(rows), range, owned);
    INFO("trial ", trial, " n=", n, " layout ", to_string(layout.kind), " k=", layout.world_size);
    check_equal(owned_rows(rows, range, owned), wanted);
    check_equal(owned_rows(expand(rows), range, owned), wanted);
    std::vector<std::int64_t> list;
    for (std::int64_t p = 0; p < n; ++p) {
      if (pick(0, 2) == 0) list.push_back(p);
    }
    check_equal(owned_rows(list, range, owned), by_hand(list, range, owned));
  }
}

TEST_CASE("a rank without rows owns none") {
  const Positions none = RowLayout{LayoutKind::contiguous, 2, 8}.positions(5);
  CHECK(owned_rows(Rows{.first = 0, .count = 2}, {0, 2}, none).size() == 0);
  CHECK(owned_rows(std::vector<std::int64_t>{0, 1}, {0, 2}, none).size() == 0);
}

}  // namespace ringattn
