#include "pattern/block_tiles.h"

#include "config/error.h"
#include "pattern/curve.h"
#include "pattern/segments.h"
#include "pattern/visibility.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace ringattn {
namespace {

using Positions = std::vector<std::int64_t>;

/// More runs of keys than this become one list: a call a run would merge too often.
constexpr std::size_t kRunsMax = 2;

/// Rows as a progression where they are one.
struct BlockRows {
  Rows rows;
  RowList list{};
  bool empty() const { return list == nullptr && rows.count == 0; }
};

BlockRows rows_of(Positions ascending) {
  const std::vector<Rows> runs = to_progressions(ascending);
  if (runs.empty()) return {};
  if (runs.size() == 1) return {runs.front()};
  return {{}, std::make_shared<const Positions>(std::move(ascending))};
}

/// Where each position lies in blocks of places.
class Blocks {
 public:
  Blocks(Positions positions, std::int64_t block_size) : positions_(std::move(positions)), block_size_(block_size) {
    place_.resize(positions_.size());
    for (std::size_t place = 0; place < positions_.size(); ++place)
      place_[static_cast<std::size_t>(positions_[place])] = static_cast<std::int64_t>(place);
  }

  const Positions& positions() const { return positions_; }
  bool is_identity() const { return positions_.empty(); }
  std::int64_t block_of(std::int64_t position) const {
    return (is_identity() ? position : place_[static_cast<std::size_t>(position)]) / block_size_;
  }

 private:
  Positions positions_, place_;
  std::int64_t block_size_;
};

/// One segment of a tile's rows, by block: block -> its rows, ascending.
class RowsByBlock {
 public:
  RowsByBlock(const Rows& segment, const RowList& list, const Blocks& blocks, std::int64_t block_size)
      : block_size_(block_size) {
    if (list == nullptr && blocks.is_identity()) {
      segment_ = segment;
      return;
    }
    for (const std::int64_t row : list != nullptr ? *list : expand(segment))
      by_block_[blocks.block_of(row)].push_back(row);
  }

  /// Blocks that hold rows, ascending.
  std::vector<std::int64_t> blocks() const {
    std::vector<std::int64_t> numbers;
    if (segment_ && segment_->count > 0) {
      for (std::int64_t b = segment_->first / block_size_; b <= segment_->last_of_segment() / block_size_; ++b) {
        if (clip(*segment_, b * block_size_, (b + 1) * block_size_).count > 0) numbers.push_back(b);
      }
    }
    for (const auto& [block, rows] : by_block_) numbers.push_back(block);
    return numbers;
  }

  /// The rows of these blocks as few progressions, or one list where they would be more than `runs_max`.
  std::vector<BlockRows> rows(const std::vector<BlockRun>& runs, std::size_t runs_max) const {
    return segment_ ? clipped(runs, runs_max) : gathered(runs);
  }

 private:
  std::vector<BlockRows> clipped(const std::vector<BlockRun>& runs, std::size_t runs_max) const {
    std::vector<Rows> parts;
    for (const BlockRun& run : runs) {
      const Rows part = clip(*segment_, run.begin * block_size_, run.end * block_size_);
      if (part.count > 0) parts.push_back(part);
    }
    parts = join_adjacent(parts);
    std::vector<BlockRows> found;
    if (parts.size() <= runs_max) {
      for (const Rows& part : parts) found.push_back({part});
      return found;
    }
    Positions all;
    for (const Rows& part : parts) {
      const Positions some = expand(part);
      all.insert(all.end(), some.begin(), some.end());
    }
    return {rows_of(std::move(all))};
  }

  std::vector<BlockRows> gathered(const std::vector<BlockRun>& runs) const {
    Positions all;
    for (const BlockRun& run : runs) {
      for (auto block = by_block_.lower_bound(run.begin); block != by_block_.end() && block->first < run.end; ++block)
        all.insert(all.end(), block->second.begin(), block->second.end());
    }
    std::sort(all.begin(), all.end());
    BlockRows rows = rows_of(std::move(all));
    return rows.empty() ? std::vector<BlockRows>{} : std::vector{std::move(rows)};
  }

  std::int64_t block_size_;
  std::optional<Rows> segment_;  ///< rows that are cut as they are
  std::map<std::int64_t, Positions> by_block_;
};

/// Blocks of the queries and of the keys of one pair: keys of the whole sequence lie along a curve of their own.
struct PairBlocks {
  Blocks query;
  Blocks key;
};

PairBlocks pair_blocks(const AttentionFunction& f, std::size_t pair) {
  const bool by_sequence = f.axes.keys == KeyRule::sequence && f.axes.order != OrderRule::position;
  Positions query = sequence_places(f, pair);
  Positions key = by_sequence ? curve_order(f.axes.order, f.seq_len, f.curve) : query;
  return {{std::move(query), f.blocks.block_size}, {std::move(key), f.blocks.block_size}};
}

/// What the tiles of one pair are cut with.
struct Cutter {
  PairBlocks blocks;
  BlockMask mask;
};

Cutter cutter_of(const AttentionFunction& f, std::size_t pair) {
  PairBlocks blocks = pair_blocks(f, pair);
  BlockMask mask(f.blocks, f.seq_len, blocks.query.positions(), blocks.key.positions());
  return {std::move(blocks), std::move(mask)};
}

void add_segment(std::vector<PatternTile>& tiles, const PatternTile& tile, std::int64_t segment, const Cutter& cutter,
                 std::int64_t block_size) {
  const RowsByBlock query(tile.query.segment(segment), tile.query_list, cutter.blocks.query, block_size);
  const RowsByBlock key(tile.key.segment(segment), tile.key_list, cutter.blocks.key, block_size);
  const std::int64_t classes = cutter.mask.classes();
  for (std::int64_t head = tile.heads.begin; head < (classes > 1 ? tile.heads.end : tile.heads.begin + 1); ++head) {
    const HeadRange heads = classes > 1 ? HeadRange{head, head + 1} : tile.heads;
    for (const std::int64_t block : query.blocks()) {
      const std::vector<BlockRows> keys = key.rows(cutter.mask.keys_of(head % classes, block), kRunsMax);
      for (const BlockRows& queries : query.rows({{block, block + 1}}, kRunsMax)) {
        for (const BlockRows& some : keys)
          tiles.push_back({tile.pair, heads, queries.rows, some.rows, queries.list, some.list});
      }
    }
  }
}

/// The blocks of the keys of a tile that at least one of its queries sees.
std::set<std::int64_t> seen_blocks(const PatternTile& tile, const Blocks& blocks, const Visibility& visibility) {
  const Positions queries = tile.query_list != nullptr ? *tile.query_list : expand(tile.query);
  const Positions keys = tile.key_list != nullptr ? *tile.key_list : expand(tile.key);
  std::vector<std::int64_t> begins(keys.size() + 1, 0);  // +1 where an interval begins, -1 where it ends
  for (const std::int64_t query : queries) {
    const PositionRange range = visibility.keys_of(query);
    if (range.size() == 0) continue;
    const auto number = [&](std::int64_t position) {
      return std::lower_bound(keys.begin(), keys.end(), position) - keys.begin();
    };
    ++begins[static_cast<std::size_t>(number(range.begin))];
    --begins[static_cast<std::size_t>(number(range.end))];
  }
  std::set<std::int64_t> seen;
  std::int64_t depth = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    depth += begins[i];
    if (depth > 0) seen.insert(blocks.block_of(keys[i]));
  }
  return seen;
}

}  // namespace

std::vector<std::int64_t> sequence_places(const AttentionFunction& function, std::size_t pair) {
  if (function.axes.order == OrderRule::position) return {};
  Positions places(static_cast<std::size_t>(function.seq_len));
  std::iota(places.begin(), places.end(), 0);
  for (const SegmentRun& run : segments_of(function, pair)) {
    const std::int64_t length = run.segment.end - run.segment.begin;
    const Positions order = curve_order(function.axes.order, length, function.curve);
    for (std::int64_t s = 0; s < run.repeats; ++s) {
      const std::int64_t begin = run.segment.begin + s * run.stride;
      for (std::int64_t place = 0; place < length; ++place)
        places[static_cast<std::size_t>(begin + place)] = begin + order[static_cast<std::size_t>(place)];
    }
  }
  return places;
}

std::vector<PatternTile> tiles_in_blocks(const Pattern& pattern) {
  const AttentionFunction& f = pattern.function;
  std::vector<PatternTile> tiles;
  std::map<std::int64_t, Cutter> cutters;
  for (const PatternTile& tile : pattern.tiles) {
    auto cutter = cutters.find(tile.pair);
    if (cutter == cutters.end())
      cutter = cutters.emplace(tile.pair, cutter_of(f, static_cast<std::size_t>(tile.pair))).first;
    const bool has_list = tile.query_list != nullptr || tile.key_list != nullptr;
    for (std::int64_t s = 0; s < (has_list ? 1 : tile.query.segments); ++s)
      add_segment(tiles, tile, s, cutter->second, f.blocks.block_size);
  }
  return tiles;
}

BlockCount count_blocks(const Pattern& pattern) {
  const AttentionFunction& f = pattern.function;
  if (f.blocks.rule == BlockRule::none) throw UsageError("pattern/blocks: the pattern has none to count");
  BlockCount count;
  count.blocks = f.seq_len / f.blocks.block_size;
  count.couples = f.heads * count.blocks * count.blocks;
  count.attended = attended_pairs(pattern);
  AttentionFunction dense = f;
  dense.blocks = {};
  count.attended_dense = attended_pairs(make_pattern(dense));
  const Visibility visibility(f);
  // Heads of one pair are split alike in all tiles, so the first one names them.
  std::set<std::array<std::int64_t, 4>> active;
  std::map<std::int64_t, PairBlocks> pairs;
  for (const PatternTile& tile : pattern.tiles) {
    if (!pairs.contains(tile.pair)) pairs.emplace(tile.pair, pair_blocks(f, static_cast<std::size_t>(tile.pair)));
    const PairBlocks& blocks = pairs.at(tile.pair);
    const std::int64_t query = tile.query_list != nullptr ? tile.query_list->front() : tile.query.first;
    for (const std::int64_t key : seen_blocks(tile, blocks.key, visibility)) {
      if (active.insert({tile.pair, tile.heads.begin, blocks.query.block_of(query), key}).second)
        count.active += tile.heads.size();
    }
  }
  return count;
}

}  // namespace ringattn
