#pragma once

#include "config/axes.h"
#include "pattern/head_groups.h"
#include "pattern/rows.h"

#include <string>
#include <vector>

namespace ringattn {

/// A piece of a pattern: in each segment, every query row meets every key row (further restricted by causality, which
/// goes by global position). Query and key have the same number of segments.
struct PatternTile {
  std::int64_t pair = 0;
  HeadRange heads;
  Rows query;  ///< global positions
  Rows key;    ///< global positions
  bool operator==(const PatternTile&) const = default;
};

/// A function as tiles: index algebra without tensors. Within one pair each (head, query, key) is covered at most once.
/// `scale` multiplies every output (join `groups`: 1/G).
struct Pattern {
  AttentionFunction function;
  std::vector<PatternTile> tiles;
  double scale = 1.0;
};

/// Throws UsageError for a function that has no meaning (no pairs, a rate or length below 1, `join: single` where two
/// pairs could meet on a row) and Unavailable for one that has a meaning this engine does not run; both say what would
/// be right.
void check_runs(const AttentionFunction& function);

/// The tiles of a checked function. Cost: O(pairs), times segments where the offset changes from segment to segment.
Pattern make_pattern(const AttentionFunction& function);

/// Number of (head, query) rows that see at least one key, over heads · n. `join: groups` leaves many rows empty.
double covered_share(const Pattern& pattern);

/// (head, query, key) triples that attend: the multiply-adds per feature of the forward's two products.
std::int64_t attended_pairs(const Pattern& pattern);

}  // namespace ringattn
