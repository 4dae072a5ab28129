#pragma once

#include "plan/piece.h"

#include <vector>

namespace ringattn {

/// How the queries of a tile meet its keys.
///   full: all with all.
///   causal: query i (counted within the tile's segment) sees keys j <= i, the triangle that attention kernels align to
///   the top left.
///   positions: a query sees the keys that lie in its interval of positions (pattern/visibility.h).
enum class MaskRule { full, causal, positions };

/// One query progression against one key progression under one rule.
struct Meeting {
  Rows query_slot;
  Rows key_slot;
  MaskRule rule = MaskRule::full;
  bool operator==(const Meeting&) const = default;
};

/// Splits "key position <= query position" between two pieces into meetings that are wholly full or aligned triangles.
/// Queries after the last key see everything, keys before the first query are seen by all; what is left over is a
/// staircase, which becomes one aligned triangle for each pair of residue classes modulo lcm(query step, key step),
/// plus a full part:
///   query i sees key j  <=>  j <= i + d,  d = ⌊(first query - first key) / step⌋   (equal steps);
///   d > 0: the first d keys are full;  d < 0: the first -d queries see nothing.
std::vector<Meeting> causal_meetings(const Piece& query, const Piece& key);

/// (query, key) couples that attend in one segment of a meeting.
std::int64_t attended_pairs(MaskRule rule, std::int64_t queries, std::int64_t keys);

}  // namespace ringattn
