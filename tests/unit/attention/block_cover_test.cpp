#include "pattern/block_tiles.h"
#include "tests/unit/attention/plan_replay.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>
#include <set>
#include <tuple>

// Block sparsity in plans, against the definition.

namespace ringattn {
namespace {

struct Picker {
  std::mt19937 random;
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  }
};

BlockSparsity random_blocks(Picker& pick, std::int64_t block_size) {
  BlockSparsity blocks{.rule = static_cast<BlockRule>(pick(1, 4)), .block_size = block_size};
  blocks.sparsity_ratio = std::array{0.0, 0.3, 0.5, 0.75, 0.95}[static_cast<std::size_t>(pick(0, 4))];
  if (blocks.rule == BlockRule::global_local) blocks.global_blocks = pick(1, 3);
  if (blocks.rule == BlockRule::dilated) {
    for (std::int64_t i = pick(1, 3); i > 0; --i) blocks.rates.push_back(pick(1, 4));
    blocks.per_head = pick(0, 1) == 1;
  }
  if (blocks.rule == BlockRule::grid) {
    blocks.grid_width = pick(1, 9);
    blocks.grid_radius = pick(0, 3);
  }
  return blocks;
}

AttentionFunction random_function(Picker& pick) {
  AttentionFunction f;
  const std::int64_t block_size = pick(1, 5);
  f.seq_len = block_size * pick(1, 11);
  f.kv_heads = pick(1, 2);
  f.heads = f.kv_heads * pick(1, 3);
  f.is_causal = pick(0, 1) == 1;
  for (std::int64_t g = pick(1, 3); g > 0; --g) f.pairs.push_back({block_size * pick(1, 12), pick(1, 3)});
  f.axes = {static_cast<Placement>(pick(0, 3)),
            static_cast<HeadRule>(pick(0, 4)),
            static_cast<OffsetRule>(pick(0, 4)),
            static_cast<QueryRule>(pick(0, 1)),
            static_cast<KeyRule>(pick(0, 3)),
            JoinRule::softmax,
            pick(0, 1) == 0 ? OrderRule::position : OrderRule::hilbert,
            static_cast<TailRule>(pick(0, 2))};
  f.curve = {.level = pick(1, 3), .min_rows = pick(0, 20)};
  f.blocks = random_blocks(pick, block_size);
  if (pick(0, 3) == 0) f.window = {pick(-1, 20), pick(-1, 20)};
  if (pick(0, 2) == 0 && f.seq_len > 2) f.documents = {0, pick(1, f.seq_len - 1), f.seq_len};
  return f;
}

RowLayout random_layout(Picker& pick, const AttentionFunction& f) {
  const auto ranks = static_cast<int>(pick(1, 8));
  switch (pick(0, 3)) {
    case 0:
      return contiguous_layout(f, ranks);
    case 1:
      return curve_layout(f, f.curve, ranks);
    default:
      return {static_cast<LayoutKind>(pick(0, 2)), f.seq_len, ranks};
  }
}

std::string say(const AttentionFunction& f) {
  const BlockSparsity& b = f.blocks;
  return fmt::format(
      "order={} level={} min={} blocks={} of {} ratio={} global={} rates={} per_head={} grid={} {} {}:{}",
      static_cast<int>(f.axes.order), f.curve.level, f.curve.min_rows, static_cast<int>(b.rule), b.block_size,
      b.sparsity_ratio, b.global_blocks, fmt::join(b.rates, ","), b.per_head, b.grid_width, b.grid_radius,
      f.window.left, f.window.right);
}

/// What attends() says, couple by couple; blocks are of positions.
BlockCount counted(const AttentionFunction& f) {
  AttentionFunction dense = f;
  dense.blocks = {};
  BlockCount count{.blocks = f.seq_len / f.blocks.block_size};
  count.couples = f.heads * count.blocks * count.blocks;
  std::set<std::tuple<std::size_t, std::int64_t, std::int64_t, std::int64_t>> active;
  for (std::size_t pair = 0; pair < f.pairs.size(); ++pair) {
    const auto number = static_cast<std::int64_t>(pair);
    for (std::int64_t h = 0; h < f.heads; ++h) {
      for (std::int64_t query = 0; query < f.seq_len; ++query) {
        for (std::int64_t key = 0; key < f.seq_len; ++key) {
          count.attended_dense += attends(dense, number, h, query, key) ? 1 : 0;
          if (!attends(f, number, h, query, key)) continue;
          ++count.attended;
          active.insert({pair, h, query / f.blocks.block_size, key / f.blocks.block_size});
        }
      }
    }
  }
  count.active = static_cast<std::int64_t>(active.size());
  return count;
}

}  // namespace

TEST_CASE("plans of random blocks cover each attended couple once and receive each needed row once") {
  Picker pick{std::mt19937(8)};
  for (int trial = 0; trial < 1200; ++trial) {
    const AttentionFunction f = random_function(pick);
    const RowLayout layout = random_layout(pick, f);
    INFO(testing::describe(f, layout));
    INFO(say(f));
    testing::check_plans(f, layout);
  }
}

TEST_CASE("what blocks leave is counted as attends() says") {
  Picker pick{std::mt19937(9)};
  for (int trial = 0; trial < 150; ++trial) {
    AttentionFunction f = random_function(pick);
    f.axes.order = OrderRule::position;
    INFO(say(f));
    const BlockCount got = count_blocks(make_pattern(f)), want = counted(f);
    CHECK(got.blocks == want.blocks);
    CHECK(got.couples == want.couples);
    CHECK(got.active == want.active);
    CHECK(got.attended == want.attended);
    CHECK(got.attended_dense == want.attended_dense);
  }
}

}  // namespace ringattn
