#pragma once

#include "pattern/block_mask.h"
#include "pattern/pattern.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// The places of one pair: places[p] is the position at place p of the sequence, segment by segment along the
/// function's order; empty where that is the identity. O(n).
std::vector<std::int64_t> sequence_places(const AttentionFunction& function, std::size_t pair);

/// The pattern's tiles where the blocks of its function meet: tiles of one query block each, whose keys are a
/// progression where the block's keys are one or two runs, else a list. Within one pair each (head, query, key) stays
/// covered at most once. Cost: O(tiles · blocks), and the rows of lists.
std::vector<PatternTile> tiles_in_blocks(const Pattern& pattern);

/// What block sparsity leaves, counted from the tiles; masks apart.
struct BlockCount {
  std::int64_t blocks = 0;          ///< N of a side
  std::int64_t active = 0;          ///< (head, query block, key block) of which some query sees some key; of every pair
  std::int64_t couples = 0;         ///< heads · N²
  std::int64_t attended = 0;        ///< (head, query, key) that attend
  std::int64_t attended_dense = 0;  ///< the same without block sparsity
  /// The measured density: attended / attended_dense, in (0, 1].
  double density() const { return static_cast<double>(attended) / static_cast<double>(attended_dense); }
};
/// Cost: O(rows and keys of the tiles). UsageError for a pattern without blocks.
BlockCount count_blocks(const Pattern& pattern);

}  // namespace ringattn
