#include "plan/layout.h"

#include "config/error.h"
#include "config/pattern_spec.h"
#include "plan/choose_layout.h"

#include <doctest/doctest.h>

#include <set>

namespace ringattn {

TEST_CASE("zigzag gives each rank a chunk from either end") {
  const RowLayout layout{LayoutKind::zigzag, 16, 4};
  CHECK(expand(layout.positions(0)) == std::vector<std::int64_t>{0, 1, 14, 15});
  CHECK(expand(layout.positions(3)) == std::vector<std::int64_t>{6, 7, 8, 9});
  CHECK(layout.positions(3).size() == 1);  // its chunks touch
}

TEST_CASE("every layout owns each row once and nobody has more than the share") {
  for (const LayoutKind kind : {LayoutKind::contiguous, LayoutKind::zigzag, LayoutKind::striped}) {
    for (const std::int64_t n : {1, 2, 7, 16, 31, 100}) {
      for (const int k : {1, 2, 3, 5, 8}) {
        const RowLayout layout{kind, n, k};
        std::multiset<std::int64_t> owned;
        for (int rank = 0; rank < k; ++rank) {
          for (const std::int64_t position : expand(layout.positions(rank))) owned.insert(position);
          CHECK(layout.local_rows(rank) <= (n + k - 1) / k);
        }
        CHECK(static_cast<std::int64_t>(owned.size()) == n);
        CHECK(std::set<std::int64_t>(owned.begin(), owned.end()).size() == owned.size());
      }
    }
  }
}

TEST_CASE("shards of given sizes follow each other in rank order") {
  const RowLayout layout = sharded_layout({1, 0, 7, 3});
  CHECK(layout.seq_len == 11);
  CHECK(layout.world_size == 4);
  CHECK((layout.positions(0) == Positions{{0, 1, 1}}));
  CHECK(layout.positions(1).empty());
  CHECK((layout.positions(2) == Positions{{1, 7, 1}}));
  CHECK((layout.positions(3) == Positions{{8, 3, 1}}));
  CHECK(layout.local_rows(2) == 7);
  const RowLayout plain{LayoutKind::contiguous, 11, 4};
  for (int rank = 0; rank < 4; ++rank) CHECK(sharded_layout({3, 3, 3, 2}).positions(rank) == plain.positions(rank));
}

TEST_CASE("shards that are no sizes are refused") {
  CHECK_THROWS_WITH_AS(sharded_layout({4, -1}), "shard_rows: rank 1 has -1 rows; must be 0 or more", UsageError);
  CHECK_THROWS_WITH_AS(sharded_layout({0, 0}), "shard_rows: no rank has a row; the sequence must have at least one",
                       UsageError);
  CHECK_THROWS_AS(sharded_layout({}), UsageError);
}

TEST_CASE("auto takes zigzag for long causal work and leaves whole segments alone") {
  const auto pattern = [](PatternName name, std::vector<Pair> pairs, std::int64_t n, bool is_causal) {
    return make_pattern({axes_of(name), std::move(pairs), n, 8, is_causal});
  };
  CHECK(choose_layout(pattern(PatternName::dense, {{65536, 1}}, 65536, true), 8) == LayoutKind::zigzag);
  CHECK(choose_layout(pattern(PatternName::dense, {{65536, 1}}, 65536, false), 8) == LayoutKind::contiguous);
  CHECK(choose_layout(pattern(PatternName::dilated, {{1024, 1}, {2048, 2}}, 16384, true), 8) == LayoutKind::contiguous);
  CHECK(choose_layout(pattern(PatternName::dense, {{64, 1}}, 64, true), 1) == LayoutKind::contiguous);
}

TEST_CASE("zigzag balances causal dense work within 2 % at 8 ranks") {
  const Pattern dense = make_pattern({axes_of(PatternName::dense), {{4096, 1}}, 4096, 1, true});
  std::int64_t least = 0, most = 0;
  for (int rank = 0; rank < 8; ++rank) {
    std::int64_t pairs = 0;
    for (int source = 0; source < 8; ++source) {
      for (const ShardTile& tile : shard_tiles(dense, {LayoutKind::zigzag, 4096, 8}, rank, source))
        pairs += tile.attended_pairs();
    }
    least = rank == 0 ? pairs : std::min(least, pairs);
    most = std::max(most, pairs);
  }
  CHECK(static_cast<double>(most) <= 1.02 * static_cast<double>(least));
}

}  // namespace ringattn
