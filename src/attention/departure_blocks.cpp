#include "attention/departure.h"
#include "attention/strands.h"
#include "config/error.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ringattn::oracle {
namespace {

/// The keys of a set by their places.
std::vector<KeySlot> listed(const KeySet& keys) {
  std::vector<KeySlot> slots;
  for (std::int64_t place = keys.first; place < keys.past; place += keys.step) {
    const std::int64_t row = keys.curve ? keys.curve->order[static_cast<std::size_t>(place)] : place;
    slots.push_back({.position = keys.begin + row, .slot = static_cast<std::int64_t>(slots.size())});
  }
  return slots;
}

/// Rows of one segment that see the same keys.
using BlockName = std::pair<std::int64_t, std::int64_t>;  ///< (the segment's first row, the keys' first place)

void add_row(std::map<BlockName, Block>& blocks, const Segment& segment, const KeySet& keys, std::int64_t row) {
  Block& block = blocks[{segment.first, keys.first}];
  if (block.steps.empty()) {
    block.begin = segment.first;
    block.length = segment.length;
    block.number = segment.number;
    block.steps = {{segment.first, segment.length, listed(keys)}};
  }
  // By place, where the keys' curve runs through the segment.
  const bool has_place = keys.curve && keys.begin == segment.first;
  block.queries.push_back({row, row, has_place ? keys.place_of(row) : row});
}

void number_queries(Block& block) {
  const auto by_place = [](const QuerySlot& a, const QuerySlot& b) { return a.slot < b.slot; };
  std::sort(block.queries.begin(), block.queries.end(), by_place);
  for (std::size_t i = 0; i < block.queries.size(); ++i) block.queries[i].slot = static_cast<std::int64_t>(i);
}

void add_pair(const AttentionFunction& function, const Strand& strand, std::int64_t pair, std::vector<Block>& all) {
  std::map<BlockName, Block> blocks;
  for (std::int64_t row = 0; row < function.seq_len; ++row) {
    const auto view = QueryView::resolve(function, {}, pair, strand.heads.front(), row);
    if (view) add_row(blocks, *segment_of(function, pair, row), view->keys(), row);
  }
  const std::int64_t rate = function.pairs[static_cast<std::size_t>(pair)].dilation_rate;
  for (auto& [name, block] : blocks) {
    number_queries(block);
    block.pair = pair;
    block.rate = segment_of(function, pair, block.begin)->dense ? 1 : rate;
    block.heads = strand.heads;
    block.scale = strand.scale;
    all.push_back(std::move(block));
  }
}

bool sees_by_position(const QuerySlot& query, const KeySlot& key) { return key.position <= query.position; }

}  // namespace

std::vector<Block> blocks_of(const AttentionFunction& function) {
  AttentionFunction open = function;
  open.is_causal = false;
  std::vector<Block> all;
  if (function.axes.join == JoinRule::softmax && function.pairs.size() > 1)
    throw UsageError("defects: pairs that one softmax joins are in no released class");
  for (const Strand& strand : strands_of(open)) {
    for (const std::int64_t pair : strand.pairs) add_pair(open, strand, pair, all);
  }
  if (!function.is_causal) return all;
  for (Block& block : all) block.sees = sees_by_position;
  return all;
}

}  // namespace ringattn::oracle
