#pragma once

#include "attention/strands.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace ringattn::oracle {

/// What a block of query rows sees on one strand of heads, as numbers that a softmax can use.
class RowViews {
 public:
  RowViews(const AttentionFunction& function, const Defects& defects, const Strand& strand,
           std::span<const std::int64_t> rows);

  /// Bounding range [begin, end) of the keys that any of the rows counts; empty (begin >= end) if there are none. Where
  /// a curve orders the keys it may be wider than need be.
  struct KeyRange {
    std::int64_t begin = 0, end = 0;
    bool empty() const { return begin >= end; }
    bool overlaps(std::int64_t first, std::int64_t past) const { return begin < past && first < end; }
  };
  KeyRange key_range() const;

  /// How often each row counts each key of [first, first + count): (rows, count), fp64, on the CPU.
  at::Tensor weights(std::int64_t first, std::int64_t count) const;

 private:
  std::vector<std::vector<QueryView>> views_;  ///< by row
};

}  // namespace ringattn::oracle
