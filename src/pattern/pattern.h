#pragma once

#include "config/axes.h"
#include "pattern/head_groups.h"
#include "pattern/rows.h"

#include <vector>

namespace ringattn {

/// A piece of a pattern: in each segment, every query row meets every key row, further restricted by causality, window
/// and documents (pattern/visibility.h), which go by global position. Query and key have the same number of segments;
/// a tile with a list has one.
struct PatternTile {
  std::int64_t pair = 0;
  HeadRange heads;       ///< query heads
  Rows query;            ///< global positions
  Rows key;              ///< global positions
  RowList query_list{};  ///< instead of query
  RowList key_list{};    ///< instead of key
  bool operator==(const PatternTile&) const = default;
};

/// A function as tiles: index algebra without tensors. Within one pair each (head, query, key) is covered at most once.
struct Pattern {
  AttentionFunction function;
  std::vector<PatternTile> tiles;
  double scale = 1.0;       ///< multiplies every output (joins groups and mean: 1/G)
  std::int64_t states = 1;  ///< join mean keeps one running state a pair
  /// The function's head 0 in the pattern that this one is a slice of (head_slice.h): dropout goes by whole heads.
  std::int64_t first_head = 0;
};

/// Throws UsageError for a function that has no meaning (no pairs, a rate or length below 1, a join that does not fit
/// the pairs, …), saying what would be right.
void check_runs(const AttentionFunction& function);

/// The tiles of a checked function. Cost: O(pairs), times segments where the offset changes from segment to segment;
/// O(n · pairs) for curve orders with a rate above 1.
Pattern make_pattern(const AttentionFunction& function);

/// Number of (head, query) rows that see at least one key, over heads · n, masks apart. `join: groups` leaves many rows
/// empty.
double covered_share(const Pattern& pattern);

/// (head, query, key) triples that attend, masks apart: the multiply-adds per feature of the forward's two products.
std::int64_t attended_pairs(const Pattern& pattern);

}  // namespace ringattn
