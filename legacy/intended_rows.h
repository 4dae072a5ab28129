#pragma once

#include "config/axes.h"
#include "legacy/visibility.h"

#include <cstdint>
#include <vector>

// Which rows attend which in the functions that old classes were meant to compute: index algebra alone.

namespace ringattn::legacy {

/// Consecutive rows of one pair. A dense one is undilated.
struct Stretch {
  std::int64_t first = 0, length = 0;
  std::int64_t number = 0;
  bool is_dense = false;
};

/// The stretches that pair `index` works on, of n rows.
std::vector<Stretch> stretches(const PatternAxes& axes, const std::vector<Pair>& pairs, std::size_t index,
                               std::int64_t n);

/// i mod r, 0, (i + t) mod r, t mod r, or head mod r.
std::int64_t offset_of(OffsetRule rule, std::int64_t r, std::int64_t index, std::int64_t number, std::int64_t head);

/// Places o, o + r, … of `length` rows from `first` on, as rows: in the order of positions, or along the curve. Throws
/// UsageError where the curve is no permutation.
Rows places(OrderRule order, std::int64_t first, std::int64_t length, std::int64_t o, std::int64_t r);

/// One call of attend(): the queries see the keys.
struct Call {
  Rows queries, keys;
};
/// The calls of one stretch at offset o; one a residue class where keys are of the query's own class.
std::vector<Call> calls(const PatternAxes& axes, const Stretch& stretch, std::int64_t n, std::int64_t o,
                        std::int64_t r);

/// Heads of each of `pairs` pairs: contiguous groups of ⌊H/G⌋, the remainder as the rule says; or all heads each.
std::vector<HeadGroup> head_groups(HeadRule rule, std::int64_t heads, std::size_t pairs);

}  // namespace ringattn::legacy
