#pragma once

#include "config/positions.h"
#include "pattern/pattern.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace ringattn {

/// Who owns which row. Local rows ascend with position in every kind.
///   contiguous: rank r owns [r·L, (r+1)·L), L = ⌈n/k⌉, or as many rows as it is said to, the ranks in order.
///   zigzag: the sequence is cut into 2k chunks of ⌊n/2k⌋ or one more row; rank r owns chunks r and 2k-1-r, which
///   balances causal work. striped: rank r owns the positions ≡ r (mod k).
///   hilbert: rank r owns the r-th of k runs of places along Hilbert curves, one through each longest segment
///   (curve_layout); a region of a 2-D grid instead of a strip.
/// No rank owns more than ⌈n/k⌉ rows, unless told so or where whole blocks want it; ranks without rows exist when n <
/// k.
enum class LayoutKind { contiguous, zigzag, striped, hilbert };

std::string_view to_string(LayoutKind kind);

struct RowLayout {
  LayoutKind kind = LayoutKind::contiguous;
  std::int64_t seq_len = 0;
  int world_size = 1;
  /// contiguous: rows of each rank, summing to seq_len, any of them 0; empty: ⌈n/k⌉ each.
  std::vector<std::int64_t> shard_rows{};
  std::shared_ptr<const std::vector<Positions>> curve_shards{};  ///< hilbert: of each rank

  Positions positions(int rank) const;
  std::int64_t local_rows(int rank) const { return count(positions(rank)); }
  bool operator==(const RowLayout&) const = default;
};

/// Contiguous shards of these sizes, one a rank, in rank order. UsageError for no shard, a negative size, or no row at
/// all.
RowLayout sharded_layout(std::vector<std::int64_t> shard_rows);

/// Layout hilbert: the sequence's places along a Hilbert curve through each segment of the longest length (through the
/// sequence where the placement cuts none), dealt as a contiguous layout deals positions; whole blocks where the
/// function has blocks. O(n log n).
RowLayout curve_layout(const AttentionFunction& function, const CurveLimits& limits, int world_size);

/// Contiguous; where the function has blocks each rank has whole ones, ⌊N/k⌋ or one more.
RowLayout contiguous_layout(const AttentionFunction& function, int world_size);

/// Blocks of positions must lie on one rank each: UsageError naming the layout, the shards or the length, and the
/// nearest valid ones. Blocks along a curve may be shared.
void check_whole_blocks(const RowLayout& layout, const AttentionFunction& function);

}  // namespace ringattn
