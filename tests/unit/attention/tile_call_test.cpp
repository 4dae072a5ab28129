#include "attention/tile_call.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <numeric>
#include <random>
#include <tuple>

namespace ringattn {
namespace {

using Place = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // batch index, head, query row

PlanTile tile_of(HeadRange heads, const Rows& query, const Rows& key, MaskRule rule = MaskRule::full) {
  PlanTile tile;
  tile.heads = heads;
  tile.query = query;
  tile.key = key;
  tile.rule = rule;
  return tile;
}

/// Each (batch index, head, query row) of the tile is in one call, with all keys of its segment.
void check_cover(const PlanTile& tile, std::int64_t batch, const std::vector<TileCall>& calls) {
  std::map<Place, int> seen;
  for (const TileCall& call : calls) {
    REQUIRE(call.query.segments == call.key.segments);
    REQUIRE(call.key.count == tile.keys());
    if (call.query.segments > 1) CHECK(call.batch_end - call.batch_begin == 1);
    for (std::int64_t s = 0; s < call.query.segments; ++s) {
      const Rows query = call.query.segment(s), key = call.key.segment(s);
      // Segment t of the queries meets segment t of the keys.
      const std::int64_t t =
          tile.query.segment_stride == 0 ? 0 : (query.first - tile.query.first) / tile.query.segment_stride;
      if (tile.key_index.empty()) CHECK(key == tile.key.segment(t));
      for (const std::int64_t row : expand(query)) {
        for (std::int64_t head = call.heads.begin; head < call.heads.end; ++head) {
          for (std::int64_t b = call.batch_begin; b < call.batch_end; ++b) ++seen[{b, head, row}];
        }
      }
    }
  }
  std::map<Place, int> wanted;
  const Rows rows = tile.query_index.empty() ? tile.query : Rows{.first = 0, .count = tile.query_index.size()};
  for (const std::int64_t row : expand(rows)) {
    for (std::int64_t head = tile.heads.begin; head < tile.heads.end; ++head) {
      for (std::int64_t b = 0; b < batch; ++b) ++wanted[{b, head, row}];
    }
  }
  CHECK((seen == wanted));
}

std::int64_t partial_bytes(const TileCall& call, std::int64_t head_dim) {
  return 4 * head_dim * call.heads.size() * call.batches() * call.query.count;
}

RowSlice slice(std::int64_t count) {
  auto list = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) (*list)[static_cast<std::size_t>(i)] = i * i;
  return {list, 0, count};
}

}  // namespace

TEST_CASE("without limits a tile of one segment is one call") {
  const PlanTile tile = tile_of({1, 4}, {.first = 2, .count = 100, .step = 3}, {.first = 0, .count = 80});
  const std::vector<TileCall> calls = tile_calls(tile, 2, 16, {});
  REQUIRE(calls.size() == 1);
  CHECK(calls.front().heads == HeadRange{1, 4});
  CHECK(calls.front().batches() == 2);
  check_cover(tile, 2, calls);
}

TEST_CASE("several segments take the place of the batch, one batch index a call") {
  const Rows rows{.first = 0, .count = 8, .step = 2, .segments = 5, .segment_stride = 16};
  const PlanTile tile = tile_of({0, 2}, rows, rows);
  const std::vector<TileCall> calls = tile_calls(tile, 3, 16, {});
  REQUIRE(calls.size() == 3);
  CHECK(calls[1].batch_begin == 1);
  CHECK(calls[1].batches() == 5);
  check_cover(tile, 3, calls);
}

TEST_CASE("where positions matter each segment is a call of its own, for all batch indices") {
  const Rows rows{.first = 0, .count = 8, .step = 2, .segments = 5, .segment_stride = 16};
  const PlanTile tile = tile_of({0, 2}, rows, rows);
  const std::vector<TileCall> calls = tile_calls(tile, 3, 16, {.by_segment = true});
  CHECK(calls.size() == 5);
  for (const TileCall& call : calls) {
    CHECK(call.query.segments == 1);
    CHECK(call.batches() == 3);
  }
  check_cover(tile, 3, calls);
}

TEST_CASE("a call reads one key head where query heads share them") {
  const PlanTile tile = tile_of({1, 11}, {.first = 0, .count = 4}, {.first = 0, .count = 4});
  const std::vector<TileCall> calls = tile_calls(tile, 1, 8, {.head_group = 4});
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].heads == HeadRange{1, 4});
  CHECK(calls[1].heads == HeadRange{4, 8});
  CHECK(calls[2].heads == HeadRange{8, 11});
  check_cover(tile, 1, calls);
}

TEST_CASE("one call stays one call whatever the other limits say") {
  const PlanTile tile = tile_of({0, 8}, {.first = 0, .count = 4096}, {.first = 0, .count = 4096});
  const CallLimits limits{.partial_bytes_max = 1, .head_group = 8, .is_one_call = true};
  CHECK(tile_calls(tile, 2, 64, limits).size() == 1);
}

TEST_CASE("a partial stays in the cache: fewer heads, then fewer segments, then fewer rows, 512 at least") {
  const std::int64_t limit = 1 << 20;
  const PlanTile heads = tile_of({0, 16}, {.first = 0, .count = 1000}, {.first = 0, .count = 50});
  for (const TileCall& call : tile_calls(heads, 1, 64, {.partial_bytes_max = limit})) {
    CHECK(partial_bytes(call, 64) <= limit);
    CHECK(call.heads.size() <= 4);
  }
  const Rows many{.first = 0, .count = 1024, .segments = 16, .segment_stride = 1024};
  for (const TileCall& call : tile_calls(tile_of({0, 2}, many, many), 2, 64, {.partial_bytes_max = limit})) {
    CHECK(call.query.segments == 4);
    CHECK(call.heads.size() == 1);
  }
  const PlanTile rows = tile_of({0, 2}, {.first = 0, .count = 20000}, {.first = 0, .count = 50});
  const std::vector<TileCall> calls = tile_calls(rows, 1, 64, {.partial_bytes_max = limit});
  for (const TileCall& call : calls) CHECK(call.query.count <= 4096);
  check_cover(rows, 1, calls);
  for (const TileCall& call : tile_calls(rows, 1, 64, {.partial_bytes_max = 1})) CHECK(call.query.count <= 512);
}

TEST_CASE("a triangle is never cut by rows") {
  const Rows rows{.first = 0, .count = 5000};
  const PlanTile tile = tile_of({0, 3}, rows, rows, MaskRule::causal);
  const CallLimits limits{.partial_bytes_max = 4096, .bias_copies = 2, .is_bias_per_head = true};
  const std::vector<TileCall> calls = tile_calls(tile, 2, 64, limits);
  CHECK(calls.size() == 3);
  for (const TileCall& call : calls) CHECK(call.query.count == 5000);
}

TEST_CASE("a bias by row keeps to its number of elements, or to sixteen rows") {
  for (const std::int64_t keys : {100, 5000, 40000, 400000}) {
    for (const bool per_head : {false, true}) {
      for (const std::int64_t copies : {1, 3}) {
        PlanTile tile = tile_of({0, 8}, {.first = 0, .count = 3000}, {.first = 0, .count = keys}, MaskRule::positions);
        const CallLimits limits{.by_segment = true, .bias_copies = copies, .is_bias_per_head = per_head};
        const std::vector<TileCall> calls = tile_calls(tile, 3, 16, limits);
        INFO(fmt::format("keys={} per head={} copies={}", keys, per_head, copies));
        std::int64_t rows = 0;
        for (const TileCall& call : calls) {
          const std::int64_t elements = copies * (per_head ? call.heads.size() : 1) * call.query.count * call.key.count;
          CHECK((elements <= kBiasElementsMax || (call.query.count <= 16 && (!per_head || call.heads.size() == 1))));
          rows += call.heads.size() * call.query.count;
        }
        CHECK(rows == 8 * 3000);
      }
    }
  }
}

TEST_CASE("rows that are a list count from 0 within their packed copy") {
  PlanTile tile = tile_of({2, 4}, {}, {});
  tile.query_index = slice(700);
  tile.key_index = slice(90);
  const std::vector<TileCall> calls = tile_calls(tile, 2, 64, {.partial_bytes_max = 2 * 64 * 4 * 512});
  CHECK(calls.size() == 4);
  CHECK(calls.front().query.first == 0);
  CHECK(calls.front().key == Rows{.first = 0, .count = 90});
  check_cover(tile, 2, calls);
}

TEST_CASE("any limits cover any tile exactly") {
  std::mt19937 random(31);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t count = pick(1, 40) * (trial % 10 == 0 ? 40 : 1), segments = pick(1, 4);
    const Rows query{.first = pick(0, 9),
                     .count = count,
                     .step = pick(1, 3),
                     .segments = segments,
                     .segment_stride = segments > 1 ? 3 * count + 1 : 0};
    const Rows key{.first = pick(0, 9),
                   .count = pick(1, 60),
                   .step = 1,
                   .segments = segments,
                   .segment_stride = segments > 1 ? 77 : 0};
    const std::int64_t first_head = pick(0, 5);
    const auto rule = static_cast<MaskRule>(pick(0, 2));
    const PlanTile tile = tile_of({first_head, first_head + pick(1, 7)}, query, key, rule);
    const CallLimits limits{.partial_bytes_max = pick(0, 3) * 20000,
                            .head_group = pick(1, 4),
                            .by_segment = rule == MaskRule::positions || pick(0, 1) == 1,
                            .bias_copies = rule == MaskRule::positions ? pick(1, 2) : 0,
                            .is_bias_per_head = pick(0, 1) == 1};
    const std::int64_t batch = pick(1, 3);
    INFO("trial ", trial);
    const std::vector<TileCall> calls = tile_calls(tile, batch, 8, limits);
    check_cover(tile, batch, calls);
    for (const TileCall& call : calls) {
      if (limits.head_group > 1)
        CHECK(call.heads.begin / limits.head_group == (call.heads.end - 1) / limits.head_group);
    }
  }
}

TEST_CASE("a plan's limits say what the function needs") {
  AttentionFunction f;
  f.pairs = {{64, 1}};
  f.seq_len = 64;
  f.heads = 6;
  f.kv_heads = 2;
  const auto limits_of = [](const AttentionFunction& function, std::int64_t mask_batch) {
    const Plan plan = make_plan(make_pattern(function), {LayoutKind::contiguous, function.seq_len, 2}, 1);
    return call_limits(plan, plan.steps.front().tiles.front(), 1000, mask_batch);
  };
  CHECK(limits_of(f, 0).head_group == 3);
  CHECK(limits_of(f, 0).bias_copies == 0);
  CHECK_FALSE(limits_of(f, 0).by_segment);
  f.mask = {MaskKind::keys, false, false};  // a bias of one row: not by row
  CHECK(limits_of(f, 2).bias_copies == 0);
  CHECK_FALSE(limits_of(f, 2).by_segment);
  f.mask = {MaskKind::scores, true, true};
  CHECK(limits_of(f, 2).bias_copies == 2);
  CHECK(limits_of(f, 2).is_bias_per_head);
  CHECK(limits_of(f, 2).by_segment);
  f.mask = {};
  f.dropout = 0.1;
  CHECK(limits_of(f, 0).by_segment);
  CHECK(limits_of(f, 0).bias_copies == 0);
  f.dropout = 0.0;
  f.window = {3, 3};
  CHECK(limits_of(f, 0).bias_copies == 1);
}

TEST_CASE("no call crosses the head from which on calls are kept for the end") {
  const PlanTile tile = tile_of({2, 12}, {.first = 0, .count = 100}, {.first = 0, .count = 100});
  for (const std::int64_t group : {1, 4}) {
    CallLimits limits;
    limits.head_group = group;
    limits.backward_threads = kThreadsOfGpu;
    limits.head_break = 6;
    const std::vector<TileCall> calls = tile_calls(tile, 2, 8, limits);
    check_cover(tile, 2, calls);
    for (const TileCall& call : calls) {
      CHECK((call.heads.end <= 6 || call.heads.begin >= 6));
      CHECK(is_kept_for_the_end(call, limits) == (call.heads.begin >= 6));
    }
    limits.head_break = 0;
    for (const TileCall& call : tile_calls(tile, 2, 8, limits)) CHECK_FALSE(is_kept_for_the_end(call, limits));
  }
}

}  // namespace ringattn
