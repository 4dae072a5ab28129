#include "plan/causal.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace ringattn {
namespace {

Piece piece(std::int64_t first, std::int64_t count, std::int64_t step) {
  return {.slot = {.first = 0, .count = count}, .position = {.first = first, .count = count, .step = step}};
}

using Couples = std::multiset<std::pair<std::int64_t, std::int64_t>>;

Couples covered(const std::vector<Meeting>& meetings) {
  Couples couples;
  for (const Meeting& m : meetings) {
    const std::vector<std::int64_t> queries = expand(m.query_slot), keys = expand(m.key_slot);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      for (std::size_t j = 0; j < keys.size() && (m.rule == MaskRule::full || j <= i); ++j)
        couples.insert({queries[i], keys[j]});
    }
  }
  return couples;
}

}  // namespace

TEST_CASE("equal progressions make one triangle, earlier keys one rectangle, later keys nothing") {
  CHECK(causal_meetings(piece(0, 8, 1), piece(0, 8, 1)) ==
        std::vector<Meeting>{{{.first = 0, .count = 8}, {.first = 0, .count = 8}, MaskRule::causal}});
  CHECK(causal_meetings(piece(8, 8, 1), piece(0, 8, 1)).size() == 1);
  CHECK(causal_meetings(piece(8, 8, 1), piece(0, 8, 1)).front().rule == MaskRule::full);
  CHECK(causal_meetings(piece(0, 8, 1), piece(8, 8, 1)).empty());
}

TEST_CASE("any two progressions are covered exactly once each couple") {
  std::mt19937 random(3);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int trial = 0; trial < 2000; ++trial) {
    const Piece query = piece(pick(0, 20), pick(1, 12), pick(1, 6)), key = piece(pick(0, 20), pick(1, 12), pick(1, 6));
    Couples defined;
    for (std::int64_t i = 0; i < query.slot.count; ++i) {
      for (std::int64_t j = 0; j < key.slot.count; ++j) {
        if (key.position.first + j * key.position.step <= query.position.first + i * query.position.step)
          defined.insert({i, j});
      }
    }
    CHECK(covered(causal_meetings(query, key)) == defined);
  }
}

TEST_CASE("couples of a meeting are counted, also where it is no square") {
  CHECK(attended_pairs(MaskRule::full, 3, 5) == 15);
  CHECK(attended_pairs(MaskRule::causal, 3, 5) == 6);
  CHECK(attended_pairs(MaskRule::causal, 5, 3) == 12);
}

}  // namespace ringattn
