#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// One (segment length, dilation rate) pair of a dilated pattern.
struct Pair {
  std::int64_t segment_length = 0;
  std::int64_t dilation_rate = 1;
  bool operator==(const Pair&) const = default;
};

// The axes of a pattern. Pairs (w_i, r_i), i = 0 … G-1; w_i is first clipped to n. Formulas are in pattern/README and
// in the oracle.

/// Which rows pair i works on.
enum class Placement { tiles, spans, first, whole };
/// Which heads pair i owns: a contiguous group of ⌊H/G⌋ with the remainder given to the first groups, the last groups,
/// all of it to the last group (rest), or to nobody (drop: those heads are 0); or every pair sees all heads.
enum class HeadRule { first, last, rest, drop, all };
/// Offset of the residue class: i mod r, 0, (i + t) mod r, t mod r, head mod r (t = segment number).
enum class OffsetRule { pair, zero, segment, tile, head };
/// Which rows of the segment are queries: those ≡ o (mod r), the other rows of the group being 0; or all.
enum class QueryRule { dilated, all };
/// Which keys of the segment a query sees: those ≡ o (mod r), the query's own class mod r, all, ≡ o over the whole
/// sequence.
enum class KeyRule { dilated, residue, all, sequence };
/// How several pairs on one row are joined: cannot happen, result ÷ G, mean, by softmax denominators.
enum class JoinRule { single, groups, mean, softmax };
/// What dilation counts: positions, or places along a curve through the segment.
enum class OrderRule { position, hilbert, snake, turned };
/// What happens to the n - ⌊n/w⌋·w rows after the whole segments of `tiles`.
enum class TailRule { shortened, dense, zero };

/// A pattern as a point in the space of axes. Pure data: `src/pattern` turns it into tiles, the oracle into a
/// predicate.
struct PatternAxes {
  Placement placement = Placement::whole;
  HeadRule heads = HeadRule::all;
  OffsetRule offset = OffsetRule::pair;
  QueryRule queries = QueryRule::all;
  KeyRule keys = KeyRule::all;
  JoinRule join = JoinRule::single;
  OrderRule order = OrderRule::position;
  TailRule tail = TailRule::shortened;
  bool operator==(const PatternAxes&) const = default;
};

/// Everything that decides which query attends which key and how results are joined: the mathematical function, free of
/// ranks, layouts, dtypes and batch. The engine and the oracle both read it and share nothing else.
struct AttentionFunction {
  PatternAxes axes;
  std::vector<Pair> pairs;  ///< for `dense`: one pair {n, 1}
  std::int64_t seq_len = 0;
  std::int64_t heads = 0;  ///< query heads
  bool is_causal = false;  ///< key position <= query position
  bool operator==(const AttentionFunction&) const = default;
};

}  // namespace ringattn
