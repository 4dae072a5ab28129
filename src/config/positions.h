#pragma once

#include <cstdint>
#include <vector>

namespace ringattn {

/// Global positions first, first+step, … (count of them).
struct PositionRun {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  bool operator==(const PositionRun&) const = default;
};

/// The global positions of a rank's rows, in row order.
using Positions = std::vector<PositionRun>;
std::int64_t count(const Positions& positions);
std::vector<std::int64_t> expand(const Positions& positions);

/// The plain contiguous split: rank r owns [r·L, min((r+1)·L, n)), L = ⌈n/k⌉; empty when r·L >= n.
Positions contiguous_positions(std::int64_t seq_len, int rank, int world_size);

}  // namespace ringattn
