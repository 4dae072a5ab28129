#pragma once

#include "pattern/pattern.h"
#include "plan/causal.h"
#include "plan/layout.h"

#include <vector>

namespace ringattn {

/// The part of a pattern tile that one rank's queries have with one source rank's keys, in local row numbers of the two
/// ranks. Query and key have the same number of segments; with several, segment s of the one meets segment s of the
/// other. Rows that are no progression are a slice, and the tile has one segment then.
struct ShardTile {
  std::int64_t pair = 0;
  HeadRange heads;  ///< query heads
  Rows query;       ///< rows of the rank
  Rows key;         ///< rows of the source
  MaskRule rule = MaskRule::full;
  RowSlice query_index{};    ///< instead of query, if not empty
  RowSlice key_index{};      ///< instead of key, if not empty
  std::int64_t couples = 0;  ///< rule positions: (query, key) that attend

  std::int64_t queries() const { return query_index.empty() ? query.count : query_index.size(); }
  std::int64_t keys() const { return key_index.empty() ? key.count : key_index.size(); }
  std::int64_t attended_pairs() const {
    if (rule == MaskRule::positions) return heads.size() * couples;
    return heads.size() * query.segments * ringattn::attended_pairs(rule, queries(), keys());
  }
  bool operator==(const ShardTile&) const = default;
};

/// Every (query of rank, key of source) that attends, each once; only keys that some query of the rank sees. Adjacent
/// rectangles are joined and equal segments folded, so that kernels get few, large tiles. Cost: O(segments · runs² ·
/// residue classes); under a window, or with lists, O(rows · log rows) of the tiles.
std::vector<ShardTile> shard_tiles(const Pattern& pattern, const RowLayout& layout, int rank, int source);

}  // namespace ringattn
