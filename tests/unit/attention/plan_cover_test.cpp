#include "tests/unit/attention/plan_replay.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

// Plans against the definition.

namespace ringattn {
namespace {

using testing::check_plans;
using testing::describe;

AttentionFunction random_function(std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  AttentionFunction f;
  f.seq_len = pick(1, 48);
  f.heads = pick(1, 5);
  f.is_causal = pick(0, 1) == 1;
  const std::int64_t groups = pick(1, 3);
  for (std::int64_t g = 0; g < groups; ++g) f.pairs.push_back({pick(1, 50), pick(1, 5)});
  const PatternAxes dilated{Placement::tiles, HeadRule::first,  OffsetRule::pair,    QueryRule::dilated,
                            KeyRule::dilated, JoinRule::groups, OrderRule::position, TailRule::shortened};
  const PatternAxes dilated_keys{Placement::tiles, HeadRule::last,   OffsetRule::pair,    QueryRule::all,
                                 KeyRule::dilated, JoinRule::single, OrderRule::position, TailRule::dense};
  switch (pick(0, 5)) {
    case 0:
      f.pairs = {{f.seq_len, 1}};
      break;
    case 1:
      f.axes = dilated;
      break;
    case 2:
      f.axes = dilated_keys;
      break;
    default: {
      f.axes = {static_cast<Placement>(pick(0, 3)),
                static_cast<HeadRule>(pick(0, 4)),
                static_cast<OffsetRule>(pick(0, 4)),
                static_cast<QueryRule>(pick(0, 1)),
                static_cast<KeyRule>(pick(0, 3)),
                JoinRule::softmax,
                OrderRule::position,
                static_cast<TailRule>(pick(0, 2))};
      break;
    }
  }
  return f;
}

/// Curves (identity or a permutation at these lengths), windows, documents and shared key heads.
AttentionFunction random_rich_function(std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  AttentionFunction f = random_function(random);
  if (pick(0, 1) == 1) f.axes.order = pick(0, 1) == 1 ? OrderRule::hilbert : OrderRule::snake;
  if (f.axes.order == OrderRule::snake) f.seq_len = pick(66, 100), f.pairs[0].segment_length = pick(65, 100);
  if (pick(0, 1) == 1) f.window = {pick(-1, 20), pick(-1, 20)};
  if (pick(0, 2) == 0) {
    std::set<std::int64_t> starts{0, f.seq_len};
    for (int i = 0; i < 4; ++i) starts.insert(pick(1, f.seq_len));
    f.documents.assign(starts.begin(), starts.end());
  }
  if (pick(0, 1) == 1) {
    f.kv_heads = pick(1, 2);
    f.heads = f.kv_heads * pick(1, 3);
  }
  if (pick(0, 3) == 0) f.mask.kind = MaskKind::scores;
  return f;
}

/// k sizes that sum to n; about a third of the borders fall together, so that shards are empty.
std::vector<std::int64_t> random_shards(std::int64_t n, int k, std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  std::vector<std::int64_t> borders{0, n};
  while (std::ssize(borders) < k + 1) borders.push_back(pick(0, 2) == 0 ? borders.back() : pick(0, n));
  std::sort(borders.begin(), borders.end());
  std::vector<std::int64_t> rows;
  for (std::size_t i = 1; i < borders.size(); ++i) rows.push_back(borders[i] - borders[i - 1]);
  return rows;
}

}  // namespace

TEST_CASE("plans of random patterns cover each attended couple once and receive each needed row once") {
  std::mt19937 random(20250709);
  int ran = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    const AttentionFunction f = random_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const auto kind = static_cast<LayoutKind>(std::uniform_int_distribution<int>(0, 2)(random));
    const RowLayout layout{kind, f.seq_len, k};
    INFO(describe(f, layout));
    check_plans(f, layout);
    ++ran;
  }
  CHECK(ran == 1500);
}

TEST_CASE("so do plans under curves, windows, documents, masks and shared key heads") {
  std::mt19937 random(41);
  for (int trial = 0; trial < 1500; ++trial) {
    const AttentionFunction f = random_rich_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const auto kind = static_cast<LayoutKind>(std::uniform_int_distribution<int>(0, 2)(random));
    const RowLayout layout{kind, f.seq_len, k};
    INFO(describe(f, layout));
    INFO(fmt::format("order={} window={}:{} documents={} kv={}", static_cast<int>(f.axes.order), f.window.left,
                     f.window.right, f.documents.size(), f.kv_heads));
    check_plans(f, layout);
  }
}

TEST_CASE("so do plans of shards of any sizes, empty ones too") {
  std::mt19937 random(77);
  for (int trial = 0; trial < 1000; ++trial) {
    const AttentionFunction f = trial % 2 == 0 ? random_function(random) : random_rich_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const RowLayout layout = sharded_layout(random_shards(f.seq_len, k, random));
    INFO(describe(f, layout));
    INFO(fmt::format("shards={}", fmt::join(layout.shard_rows, ",")));
    check_plans(f, layout);
  }
}

TEST_CASE("contiguous shards that are whole segments move nothing") {
  AttentionFunction f{
      {Placement::tiles, HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated, JoinRule::groups},
      {{8, 1}, {16, 2}},
      64,
      4,
      false};
  const Pattern pattern = make_pattern(f);
  for (int rank = 0; rank < 4; ++rank) {
    const Cost cost = cost_of(make_plan(pattern, {LayoutKind::contiguous, 64, 4}, rank), {});
    CHECK(cost.received_rows == 0);
    CHECK(cost.sent_rows == 0);
    CHECK(cost.messages == 0);
  }
}

TEST_CASE("n=4096, one pair w=2048, k=8, not causal, moves 12288 rows a head in all, and dilation 2 halves them") {
  for (const std::int64_t rate : {1, 2}) {
    AttentionFunction f{
        {Placement::tiles, HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated, JoinRule::groups},
        {{2048, rate}},
        4096,
        1,
        false};
    const Pattern pattern = make_pattern(f);
    std::int64_t rows = 0;
    for (int rank = 0; rank < 8; ++rank)
      rows += cost_of(make_plan(pattern, {LayoutKind::contiguous, 4096, 8}, rank), {}).received_rows;
    CHECK(rows == 12288 / rate);
  }
}

TEST_CASE("a causal contiguous ring sends nothing that no later rank needs") {
  AttentionFunction f{{}, {{64, 1}}, 64, 2, true};
  const Pattern pattern = make_pattern(f);
  for (int rank = 0; rank < 4; ++rank) {
    const Cost cost = cost_of(make_plan(pattern, {LayoutKind::contiguous, 64, 4}, rank), {});
    CHECK(cost.received_rows == rank * 16 * 2);
    // Rank r passes on what it holds to the ranks after it: its own block and those of the r ranks before it.
    CHECK(cost.sent_rows == (rank == 3 ? 0 : (rank + 1) * 16 * 2));
  }
}

}  // namespace ringattn
