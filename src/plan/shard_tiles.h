#pragma once

#include "pattern/pattern.h"
#include "plan/causal.h"
#include "plan/layout.h"

#include <vector>

namespace ringattn {

/// The part of a pattern tile that one rank's queries have with one source rank's keys, in local row numbers of the two
/// ranks. Query and key have the same number of segments; with several, segment s of the one meets segment s of the
/// other.
struct ShardTile {
  std::int64_t pair = 0;
  HeadRange heads;
  Rows query;  ///< rows of the rank
  Rows key;    ///< rows of the source
  MaskRule rule = MaskRule::full;

  std::int64_t attended_pairs() const {
    return heads.size() * query.segments * ringattn::attended_pairs(rule, query.count, key.count);
  }
  bool operator==(const ShardTile&) const = default;
};

/// Every (query of rank, key of source) that attends, each once; only keys that some query of the rank sees. Adjacent
/// rectangles are joined and equal segments folded, so that kernels get few, large tiles. Cost: O(segments · runs² ·
/// residue classes).
std::vector<ShardTile> shard_tiles(const Pattern& pattern, const RowLayout& layout, int rank, int source);

}  // namespace ringattn
