#include "plan/piece.h"

#include <doctest/doctest.h>

#include <random>

namespace ringattn {

TEST_CASE("the rows of a progression that a rank owns are found in both numberings") {
  std::mt19937 random(5);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int trial = 0; trial < 2000; ++trial) {
    const Rows rows{.first = pick(0, 30), .count = pick(0, 20), .step = pick(1, 7)};
    const Positions owned{{.first = pick(0, 20), .count = pick(1, 15), .step = pick(1, 5)},
                          {.first = pick(100, 120), .count = pick(1, 15), .step = pick(1, 5)}};
    std::vector<std::int64_t> slots, positions;
    for (const Piece& piece : owned_pieces(rows, owned)) {
      for (const std::int64_t slot : expand(piece.slot)) slots.push_back(slot);
      for (const std::int64_t position : expand(piece.position)) positions.push_back(position);
    }
    std::vector<std::int64_t> expected_slots, expected_positions;
    const std::vector<std::int64_t> all = expand(owned);
    for (std::size_t slot = 0; slot < all.size(); ++slot) {
      const std::int64_t distance = all[slot] - rows.first;
      if (distance < 0 || distance % rows.step != 0 || distance / rows.step >= rows.count) continue;
      expected_slots.push_back(static_cast<std::int64_t>(slot));
      expected_positions.push_back(all[slot]);
    }
    CHECK(slots == expected_slots);
    CHECK(positions == expected_positions);
  }
}

}  // namespace ringattn
