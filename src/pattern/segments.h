#pragma once

#include "config/axes.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringattn {

/// A stretch of consecutive positions that one pair works on: `number` is the segment number t.
struct Segment {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t number = 0;
  bool is_tail = false;
};

/// The segments of one pair, equal ones folded: `repeats` of them, `stride` apart.
struct SegmentRun {
  Segment segment;
  std::int64_t repeats = 1;
  std::int64_t stride = 0;
};

/// The segments of pair number `pair` where the placement puts them, none beyond the sequence. O(pairs).
std::vector<SegmentRun> segments_of(const AttentionFunction& function, std::size_t pair);

}  // namespace ringattn
