#include "pattern/block_mask.h"

#include "config/error.h"
#include "pattern/block_tiles.h"
#include "pattern/curve.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

namespace ringattn {
namespace {

std::int64_t couples(const BlockMask& mask, std::int64_t head_class = 0) {
  std::int64_t total = 0;
  for (std::int64_t block = 0; block < mask.size(); ++block) {
    for (const BlockRun& run : mask.keys_of(head_class, block)) total += run.end - run.begin;
  }
  return total;
}

bool meets(const BlockMask& mask, std::int64_t query, std::int64_t key, std::int64_t head_class = 0) {
  const std::vector<BlockRun>& runs = mask.keys_of(head_class, query);
  return std::any_of(runs.begin(), runs.end(), [&](const BlockRun& run) { return run.begin <= key && key < run.end; });
}

BlockMask mask_of(const BlockSparsity& blocks, std::int64_t size) { return {blocks, size * blocks.block_size, {}, {}}; }

AttentionFunction dense(std::int64_t n, const BlockSparsity& blocks) {
  return {.axes = {}, .pairs = {{n, 1}}, .seq_len = n, .heads = 1, .blocks = blocks};
}

std::string refusal(const AttentionFunction& function) {
  try {
    make_pattern(function);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a local band is the widest within the budget") {
  // 256 blocks, a tenth of 65536 couples: 6553. h = 12 has 256·25 - 12·13 = 6244, h = 13 has 6730.
  const BlockSparsity blocks{.rule = BlockRule::local, .block_size = 64, .sparsity_ratio = 0.9};
  CHECK(band_half_width(blocks, 256, {}) == 12);
  const BlockMask mask = mask_of(blocks, 256);
  CHECK(couples(mask) == 6244);
  CHECK(mask.keys_of(0, 0) == std::vector<BlockRun>{{0, 13}});
  CHECK(mask.keys_of(0, 100) == std::vector<BlockRun>{{88, 113}});
  CHECK(mask.keys_of(0, 255) == std::vector<BlockRun>{{243, 256}});
}

TEST_CASE("the diagonal stays, whatever is removed, and all of it where nothing is") {
  for (const BlockRule rule : {BlockRule::local, BlockRule::dilated, BlockRule::global_local}) {
    BlockSparsity blocks{.rule = rule, .block_size = 2, .sparsity_ratio = 0.999};
    if (rule == BlockRule::dilated) blocks.rates = {3};
    const BlockMask least = mask_of(blocks, 9);
    for (std::int64_t block = 0; block < 9; ++block) CHECK(meets(least, block, block));
    blocks.sparsity_ratio = 0.0;
    if (rule == BlockRule::dilated) blocks.rates = {1};
    CHECK(couples(mask_of(blocks, 9)) == 81);
  }
}

TEST_CASE("dilated steps are those of the rates, of one head's own with per_head") {
  BlockSparsity blocks{.rule = BlockRule::dilated, .block_size = 4, .sparsity_ratio = 0.5, .rates = {2, 5}};
  const BlockMask both = mask_of(blocks, 12);
  CHECK(both.classes() == 1);
  CHECK(meets(both, 6, 8));
  CHECK(meets(both, 6, 1));
  CHECK(!meets(both, 6, 7));
  CHECK(couples(both) <= 72);
  blocks.per_head = true;
  const BlockMask apart = mask_of(blocks, 12);
  CHECK(apart.classes() == 2);
  CHECK(meets(apart, 6, 8, 0));
  CHECK(!meets(apart, 6, 1, 0));
  CHECK(meets(apart, 6, 1, 1));
  CHECK(!meets(apart, 6, 8, 1));
}

TEST_CASE("global blocks meet everything") {
  const BlockSparsity blocks{
      .rule = BlockRule::global_local, .block_size = 1, .sparsity_ratio = 0.6, .global_blocks = 2};
  const BlockMask mask = mask_of(blocks, 20);
  // 2·(40 - 2) = 76 global couples and a band of the other 18 within 160: 18·3 - 2 = 52, 18·5 - 6 = 84.
  CHECK(band_half_width(blocks, 20, {}) == 2);
  CHECK(couples(mask) == 160);
  CHECK(mask.keys_of(0, 1) == std::vector<BlockRun>{{0, 20}});
  CHECK(mask.keys_of(0, 10) == std::vector<BlockRun>{{0, 2}, {8, 13}});
}

TEST_CASE("blocks of a grid meet where their squares do: fewer along the Hilbert curve than by rows") {
  const BlockSparsity blocks{.rule = BlockRule::grid, .block_size = 64, .grid_width = 128, .grid_radius = 8};
  const std::vector<std::int64_t> curve = curve_order(OrderRule::hilbert, 128 * 128);
  const BlockMask rows(blocks, 128 * 128, {}, {});
  const BlockMask along(blocks, 128 * 128, curve, curve);
  // By rows a block is half a row, and meets both halves of the 17 rows around it; fewer at the upper and lower edge.
  CHECK(couples(rows) == 2 * 2 * (17 * 128 - 2 * 36));
  // Along the curve a block is a square of 8 x 8 cells, and meets the 9 squares around it; fewer at the edges.
  CHECK(couples(along) == 46 * 46);
}

TEST_CASE("a grid whose last row is short") {
  const BlockSparsity blocks{.rule = BlockRule::grid, .block_size = 1, .grid_width = 4, .grid_radius = 1};
  const BlockMask mask(blocks, 6, {}, {});  // 0 1 2 3 / 4 5
  CHECK(meets(mask, 5, 2));
  CHECK(meets(mask, 2, 5));
  CHECK(!meets(mask, 3, 5));
  CHECK(!meets(mask, 3, 4));  // neighbours as positions, not as cells
}

TEST_CASE("sizes that are no whole blocks are refused with the nearest that are") {
  const BlockSparsity blocks{.rule = BlockRule::local, .block_size = 64};
  CHECK(refusal(dense(1000, blocks)) ==
        "seq_len: 1000 is not whole blocks of 64 rows (pattern/blocks/block_size); the nearest that is: 960 or 1024");
  CHECK(refusal(dense(40, blocks)) ==
        "seq_len: 40 is not whole blocks of 64 rows (pattern/blocks/block_size); the nearest that is: 64");
  AttentionFunction tiles = dense(1024, blocks);
  tiles.axes.placement = Placement::tiles;
  tiles.pairs = {{100, 1}};
  CHECK(refusal(tiles) ==
        "segment_lengths: 100 is not whole blocks of 64 rows (pattern/blocks/block_size); the nearest that is: 64 or "
        "128");
  CHECK(refusal(dense(1024, {.rule = BlockRule::dilated})) ==
        "pattern/blocks/rates: rule \"dilated\" has none; at least one is needed");
  CHECK(refusal(dense(1024, {.rule = BlockRule::local, .sparsity_ratio = 1.0}))
            .starts_with("pattern/blocks/sparsity_ratio"));
}

TEST_CASE("a curve of level l goes through 4^l rows at a time, and leaves short segments as they are") {
  const CurveLimits limits{.level = 2, .min_rows = 10};
  const std::vector<std::int64_t> order = curve_order(OrderRule::hilbert, 40, limits);
  const std::vector<std::int64_t> sixteen = curve_order(OrderRule::hilbert, 16);
  for (std::size_t i = 0; i < 32; ++i) CHECK(order[i] == sixteen[i % 16] + static_cast<std::int64_t>(i / 16 * 16));
  const std::vector<std::int64_t> eight = curve_order(OrderRule::hilbert, 8);
  for (std::size_t i = 32; i < 40; ++i) CHECK(order[i] == 32 + eight[i - 32]);
  std::vector<std::int64_t> straight(9);
  std::iota(straight.begin(), straight.end(), 0);
  CHECK(curve_order(OrderRule::hilbert, 9, limits) == straight);
  CHECK(curve_order(OrderRule::hilbert, 10, limits) == curve_order(OrderRule::hilbert, 10));
  CHECK_THROWS_AS(curve_order(OrderRule::hilbert, 40, {.level = 0}), UsageError);
}

}  // namespace ringattn
