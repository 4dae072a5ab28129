#include "attention/departure_hilbert.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

// What the recordings don't show alone: each edit on a case that can be checked by hand.

namespace ringattn::oracle {
namespace {

AttentionFunction tiles(std::int64_t n, std::vector<Pair> pairs, bool is_causal = true) {
  AttentionFunction function;
  function.axes.placement = Placement::tiles;
  function.pairs = std::move(pairs);
  function.seq_len = n;
  function.heads = 2;
  function.is_causal = is_causal;
  return function;
}

/// One segment of n rows: query and key p in slot p.
std::vector<Block> one_block(std::int64_t n) {
  Block block;
  block.length = n;
  block.heads = {0, 1};
  block.steps.emplace_back();
  for (std::int64_t p = 0; p < n; ++p) {
    block.queries.push_back({p, p, p});
    block.steps.front().keys.push_back({.position = p, .slot = p});
  }
  return {block};
}

bool sees(const Block& block, std::int64_t query, std::int64_t key) {
  return !block.sees || block.sees({query, query, query}, {.position = key, .slot = key});
}

const std::vector<Pair> no_lists;

}  // namespace

TEST_CASE("the reflected walk is the identity up to 64 rows, and loses most rows beyond") {
  CHECK(reflected_map(64)[63] == 63);
  const auto distinct = [](std::int64_t n) {
    const std::vector<std::int64_t> map = reflected_map(n);
    return std::set<std::int64_t>(map.begin(), map.end()).size();
  };
  CHECK(distinct(128) == 39);
  CHECK(distinct(256) == 122);
  CHECK(distinct(1024) == 456);
}

TEST_CASE("by place along a snake 100 rows long, row 10 sees row 19 and not row 11") {
  AttentionFunction function = tiles(100, {{100, 1}});
  function.axes.order = OrderRule::snake;  // rows of 10, every other one backwards: 19 comes first, then 18
  std::vector<Block> blocks = one_block(100);
  see_by_place(blocks, {function, function, 1, no_lists});
  CHECK(sees(blocks.front(), 10, 19));
  CHECK_FALSE(sees(blocks.front(), 19, 10));
  CHECK(sees(blocks.front(), 25, 24));

  function.axes.order = OrderRule::position;
  blocks = one_block(100);
  see_undilated_by_snake(blocks, {function, function, 1, no_lists});
  CHECK(sees(blocks.front(), 10, 19));
  function.pairs = {{100, 2}};
  blocks = one_block(100);
  see_undilated_by_snake(blocks, {function, function, 1, no_lists});
  CHECK_FALSE(static_cast<bool>(blocks.front().sees));
}

TEST_CASE("a chunk's own triangle is laid over every chunk") {
  const AttentionFunction function = tiles(8, {{8, 1}});
  std::vector<Block> blocks = one_block(8);
  see_by_chunk_triangle(blocks, {function, function, 2, no_lists});
  CHECK(sees(blocks.front(), 1, 5));        // second row of a chunk, second row of the next
  CHECK_FALSE(sees(blocks.front(), 5, 2));  // a row of the past hidden
  see_other_chunks_whole(blocks, {function, function, 2, no_lists});
  CHECK(sees(blocks.front(), 0, 7));
  CHECK_FALSE(sees(blocks.front(), 0, 3));
}

TEST_CASE("only the first residue class, or the first pair, is masked") {
  const AttentionFunction function = tiles(8, {{8, 2}});
  std::vector<Block> blocks = one_block(8);
  blocks.push_back(blocks.front());
  blocks[1].queries.erase(blocks[1].queries.begin());  // begins at row 1: class 1
  for (Block& block : blocks) block.sees = [](const QuerySlot&, const KeySlot&) { return false; };
  mask_first_class_only(blocks, {function, function, 1, no_lists});
  CHECK(static_cast<bool>(blocks[0].sees));
  CHECK_FALSE(static_cast<bool>(blocks[1].sees));
  blocks[1].pair = 1;
  blocks[1].sees = blocks[0].sees;
  mask_first_pair_only(blocks, {function, function, 1, no_lists});
  CHECK(static_cast<bool>(blocks[0].sees));
  CHECK_FALSE(static_cast<bool>(blocks[1].sees));
}

TEST_CASE("keys are overwritten in every step but the first, and chunks counted once a fitting pair") {
  const AttentionFunction function = tiles(8, {{8, 1}}, false);
  std::vector<Block> blocks = one_block(8);
  overwrite_keys(blocks, {function, function, 2, no_lists});
  REQUIRE(blocks.size() == 2);
  CHECK_FALSE(blocks[1].steps[0].keys.front().is_value);
  CHECK(blocks[1].steps[0].keys.front().position == 4);
  CHECK(blocks[1].steps[1].keys.front().is_value);
  CHECK(blocks[1].steps[1].keys.front().position == 0);

  const std::vector<Pair> lists{{2, 1}, {4, 2}, {8, 4}};
  count_fitting_pairs(blocks, {function, function, 2, lists});
  CHECK(blocks.front().scale == 2.0);  // 2 and 4 rows fit into 4
}

TEST_CASE("two equal chunks come out twice too large where nothing divides") {
  const auto number = [](double x) { return at::full({1, 1, 1, 1}, x, at::kDouble); };
  const StepResult step{number(1.0), number(2.0), number(6.0)};
  CHECK(merge_undivided_maximum({step, step}).item<double>() == doctest::Approx(6.0));
  const StepResult lesser{number(0.0), number(2.0), number(6.0)};
  CHECK(merge_undivided_maximum({step, {}, lesser}).item<double>() == doctest::Approx(3.0 + 3.0 / std::exp(1.0)));
}

TEST_CASE("slot i meets the row i·r ahead while such rows exist, and heads go to the first pairs") {
  AttentionFunction function = tiles(8, {{2, 3}});
  std::vector<Block> blocks = one_block(2);
  blocks.push_back(blocks.front());
  blocks[1].begin = 6;
  meet_rows_ahead(blocks, {function, function, 1, no_lists});
  CHECK(blocks[0].steps.front().keys[1].position == 3);
  CHECK(blocks[1].steps.front().keys[1].position == 6);

  function.pairs = {{2, 1}, {4, 1}, {8, 1}};
  lead_groups(function, 1);
  CHECK(function.pairs.size() == 2);  // as many as heads
  CHECK(function.axes.heads == HeadRule::drop);
}

}  // namespace ringattn::oracle
