#pragma once

#include "config/axes.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// Blocks [begin, end).
struct BlockRun {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool operator==(const BlockRun&) const = default;
};

/// Which key blocks each query block meets under a rule of block sparsity (config/axes.h), as runs. A pure function of
/// its arguments. Memory: O(runs).
class BlockMask {
 public:
  /// `query_positions` and `key_positions`: the position of every place, empty for the identity; only `grid` reads
  /// them. Cost: O(N · runs), for grid O(n · radius).
  BlockMask(const BlockSparsity& blocks, std::int64_t seq_len, const std::vector<std::int64_t>& query_positions,
            const std::vector<std::int64_t>& key_positions);

  /// Blocks of a side, N.
  std::int64_t size() const { return size_; }
  /// Heads h and h' have one mask where h ≡ h' (mod classes).
  std::int64_t classes() const { return static_cast<std::int64_t>(keys_.size()); }
  /// The key blocks that a query block meets, ascending, as few runs as there are.
  const std::vector<BlockRun>& keys_of(std::int64_t head_class, std::int64_t query_block) const {
    return keys_[static_cast<std::size_t>(head_class)][static_cast<std::size_t>(query_block)];
  }

 private:
  using Runs = std::vector<std::vector<BlockRun>>;

  std::int64_t size_;
  std::vector<Runs> keys_;
};

/// The largest h with which a rule's couples stay within the budget of its sparsity_ratio, 0 where even h = 0 does not;
/// it never exceeds N. `rates`: those of one mask of rule dilated.
///   local: N·(2h + 1) - h·(h + 1) couples
///   global_local: g·(2N - g), and the band within the other N - g blocks
///   dilated: N, and 2·(N - d) for every distance d < N that is m·r for a rate r and some 1 <= m <= h
std::int64_t band_half_width(const BlockSparsity& blocks, std::int64_t size, const std::vector<std::int64_t>& rates);

}  // namespace ringattn
