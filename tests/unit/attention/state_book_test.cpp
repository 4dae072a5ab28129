#include "attention/state_book.h"

#include "config/ring_attention_config.h"
#include "pattern/pattern.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ringattn {
namespace {

using Place = StateBook::Place;

Plan plan_of(const char* pattern, LayoutKind layout, std::int64_t n, int rank, int world_size, bool is_causal,
             std::int64_t kv_heads = 0) {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", "[5, 12, 40]", "test");
  set_field(config, "dilation_rates", "[1, 2, 3]", "test");
  set_field(config, "pattern", pattern, "test");
  const Problem problem{.seq_len = n, .heads = 4, .is_causal = is_causal, .kv_heads = kv_heads};
  return make_plan(make_pattern(resolve_function(config, problem)), RowLayout{layout, n, world_size}, rank);
}

/// Whose partials each row's number is made of, while the plan's tiles arrive whole.
class Tracker {
 public:
  explicit Tracker(const Plan& plan) : plan_(plan), book_(plan), rows_(static_cast<std::size_t>(plan.rows)) {}

  void run() {
    std::size_t number = 0;
    for (const Step& step : plan_.steps)
      for (const PlanTile& tile : step.tiles) take(number++, tile);
    for (const StateBook::Move& move : book_.finish()) {
      CHECK(move.is_alone);
      for (std::int64_t row = move.rows.begin; row < move.rows.end; ++row) go(row, move);
    }
    for (const Row& row : rows_) {
      CHECK(row.place == Place::result);
      CHECK(row.got == row.due);
    }
  }

 private:
  struct Row {
    Place place = Place::none;
    std::int64_t got = 0, due = 0;
  };

  std::vector<std::int64_t> rows_of(const PlanTile& tile) const {
    if (tile.query_index.empty()) return expand(tile.query);
    return {tile.query_index.data(), tile.query_index.data() + tile.query_index.size()};
  }

  void take(std::size_t number, const PlanTile& tile) {
    const std::vector<std::int64_t> rows = rows_of(tile);
    for (const std::int64_t row : rows) ++rows_[static_cast<std::size_t>(row)].due;
    const StateBook::Merge merge = book_.merge(number, tile.heads, tile.query, !tile.query_index.empty());
    for (const StateBook::Move& move : merge.moves) {
      for (std::int64_t row = move.rows.begin; row < move.rows.end; ++row) {
        if (merge.is_plain) CHECK(std::find(rows.begin(), rows.end(), row) != rows.end());
        go(row, move);
        if (merge.is_plain) ++rows_[static_cast<std::size_t>(row)].got;
      }
    }
    if (merge.is_plain) return;
    for (const std::int64_t row : rows) {
      Row& at = rows_[static_cast<std::size_t>(row)];
      CHECK((at.place == Place::state || at.place == Place::none));
      at.place = Place::state;
      ++at.got;
    }
    // A row that nothing reached yet lies in the state, too, as one that saw no key.
    for (Row& at : rows_)
      if (at.place == Place::none) at.place = Place::state;
  }

  void go(std::int64_t row, const StateBook::Move& move) {
    Row& at = rows_[static_cast<std::size_t>(row)];
    CHECK(at.place == move.from);
    at.place = move.to;
  }

  const Plan& plan_;
  StateBook book_;
  std::vector<Row> rows_;
};

}  // namespace

TEST_CASE("every tile's partial goes into each of its rows once, and every row ends in the result") {
  for (const char* pattern : {"dense", "dilated", "dilated_keys", "longnet", "residue"}) {
    for (const LayoutKind layout : {LayoutKind::contiguous, LayoutKind::zigzag, LayoutKind::striped}) {
      for (const int k : {1, 2, 3, 5}) {
        for (const std::int64_t n : {1, 7, 64, 101}) {
          for (int rank = 0; rank < k; ++rank) {
            const bool is_causal = (n + rank) % 2 == 0;
            INFO(fmt::format("{} layout {} k={} n={} rank {}", pattern, static_cast<int>(layout), k, n, rank));
            const Plan plan = plan_of(pattern, layout, n, rank, k, is_causal);
            if (plan.pattern.states == 1) Tracker(plan).run();
          }
        }
      }
    }
  }
}

TEST_CASE("dense: the first partial is kept, the second joined with it, the last ends") {
  StateBook book(plan_of("dense", LayoutKind::contiguous, 64, 0, 3, false));
  const HeadRange heads{0, 4};
  const Rows all{.first = 0, .count = 22};
  const auto only = [&](std::size_t tile) {
    const StateBook::Merge merge = book.merge(tile, heads, all, false);
    REQUIRE(merge.moves.size() == 1);
    CHECK(merge.is_plain);
    return merge.moves.front();
  };
  CHECK(only(0).to == Place::first);
  CHECK_FALSE(book.has_state());
  const StateBook::Move second = only(1);
  CHECK(second.from == Place::first);
  CHECK(second.to == Place::state);
  CHECK_FALSE(book.has_first());
  const StateBook::Move last = only(2);
  CHECK(last.from == Place::state);
  CHECK(last.to == Place::result);
  CHECK(book.finish().empty());
}

TEST_CASE("rows that no later tile has end early, the others wait") {
  // Zigzag, causal, rank 0 of 2: a triangle over all rows, then the second half against all of rank 1.
  StateBook book(plan_of("dense", LayoutKind::zigzag, 64, 0, 2, true));
  CHECK(book.merge(0, {0, 4}, {.first = 0, .count = 32}, false).moves.front().to == Place::first);
  const StateBook::Merge second = book.merge(1, {0, 4}, {.first = 16, .count = 16}, false);
  REQUIRE(second.moves.size() == 1);
  CHECK(second.moves.front().rows == RowRange{16, 32});
  CHECK(second.moves.front().to == Place::result);
  CHECK(book.has_first());
  const std::vector<StateBook::Move> rest = book.finish();
  REQUIRE(rest.size() == 1);
  CHECK(rest.front().rows == RowRange{0, 16});
  CHECK(rest.front().from == Place::first);
  CHECK_FALSE(book.has_state());
}

TEST_CASE("a call of some heads, or of scattered rows, brings all into the state first") {
  StateBook book(plan_of("dense", LayoutKind::contiguous, 64, 0, 3, false));
  (void)book.merge(0, {0, 4}, {.first = 0, .count = 22}, false);
  const StateBook::Merge merge = book.merge(1, {0, 2}, {.first = 0, .count = 22}, false);
  CHECK_FALSE(merge.is_plain);
  REQUIRE(merge.moves.size() == 1);
  CHECK(merge.moves.front().is_alone);
  CHECK(merge.moves.front().to == Place::state);
  CHECK(book.has_state());
  CHECK_FALSE(book.has_first());
}

}  // namespace ringattn
