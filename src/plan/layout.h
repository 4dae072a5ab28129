#pragma once

#include "config/positions.h"

#include <cstdint>
#include <string_view>

namespace ringattn {

/// Who owns which row. Local rows ascend with position in every kind.
///   contiguous: rank r owns [r·L, (r+1)·L), L = ⌈n/k⌉.
///   zigzag: the sequence is cut into 2k chunks of ⌊n/2k⌋ or one more row; rank r owns chunks r and 2k-1-r, which
///   balances causal work. striped: rank r owns the positions ≡ r (mod k).
/// No rank owns more than ⌈n/k⌉ rows; ranks without rows exist when n < k.
enum class LayoutKind { contiguous, zigzag, striped };

std::string_view to_string(LayoutKind kind);

struct RowLayout {
  LayoutKind kind = LayoutKind::contiguous;
  std::int64_t seq_len = 0;
  int world_size = 1;

  Positions positions(int rank) const;
  std::int64_t local_rows(int rank) const { return count(positions(rank)); }
  bool operator==(const RowLayout&) const = default;
};

}  // namespace ringattn
