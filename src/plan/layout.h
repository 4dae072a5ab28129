#pragma once

#include "config/positions.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ringattn {

/// Who owns which row. Local rows ascend with position in every kind.
///   contiguous: rank r owns [r·L, (r+1)·L), L = ⌈n/k⌉, or as many rows as it is said to, the ranks in order.
///   zigzag: the sequence is cut into 2k chunks of ⌊n/2k⌋ or one more row; rank r owns chunks r and 2k-1-r, which
///   balances causal work. striped: rank r owns the positions ≡ r (mod k).
/// No rank owns more than ⌈n/k⌉ rows, unless told so; ranks without rows exist when n < k.
enum class LayoutKind { contiguous, zigzag, striped };

std::string_view to_string(LayoutKind kind);

struct RowLayout {
  LayoutKind kind = LayoutKind::contiguous;
  std::int64_t seq_len = 0;
  int world_size = 1;
  /// contiguous: rows of each rank, summing to seq_len, any of them 0; empty: ⌈n/k⌉ each.
  std::vector<std::int64_t> shard_rows{};

  Positions positions(int rank) const;
  std::int64_t local_rows(int rank) const { return count(positions(rank)); }
  bool operator==(const RowLayout&) const = default;
};

/// Contiguous shards of these sizes, one a rank, in rank order. UsageError for no shard, a negative size, or no row at
/// all.
RowLayout sharded_layout(std::vector<std::int64_t> shard_rows);

}  // namespace ringattn
