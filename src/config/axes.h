#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// One (segment length, dilation rate) pair of a dilated pattern.
struct Pair {
  std::int64_t segment_length = 0;
  std::int64_t dilation_rate = 1;
  bool operator==(const Pair&) const = default;
};

// The axes of a pattern. Pairs (w_i, r_i), i = 0 … G-1; w_i is first clipped to n. The definition in one place is
// attends() of the oracle; `ringattn list patterns` prints names, axes and what is refused.

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
/// How several pairs on one row are joined: cannot happen; result ÷ G, lse as it is (pairs own head groups); mean over
/// the G pairs, a pair without keys counting as 0, with no common lse; by softmax denominators.
enum class JoinRule { single, groups, mean, softmax };
/// What dilation counts: positions, or places along a curve through the segment.
enum class OrderRule { position, hilbert, snake, turned };
/// What happens to the n - ⌊n/w⌋·w rows after the whole segments of `tiles`.
enum class TailRule { shortened, dense, zero };

/// Which blocks of places meet, where a pattern is cut into blocks: all (none); those near the diagonal (local); those
/// whole steps of a dilation rate away (dilated); the first blocks, which meet everything, and those near the diagonal
/// (global_local); those that hold cells of a grid near each other (grid).
enum class BlockRule { none, local, dilated, global_local, grid };

/// Block sparsity: places 0 … n-1 are cut into n / block_size whole blocks, and a query in block i sees keys of block j
/// only where the rule lets i and j meet, on top of what the axes leave. A place is a position, or under a curve order
/// the place along the curve of the segment, counted from the segment's first row. The same on every rank, in every
/// run, and the diagonal i = j always meets. With N blocks:
///   local:        |i - j| <= h
///   dilated:      |i - j| = m·r for some 0 <= m <= h and one of the rates r; with per_head, head a's own rate, number
///                 a mod (rates)
///   global_local: i < global_blocks, or j < global_blocks, or |i - j| <= h
///   grid:         position p is cell (p mod grid_width, ⌊p / grid_width⌋); some cell of i and some cell of j are at
///                 most grid_radius apart along both sides, so every query sees its whole square of 2·grid_radius + 1
/// h is the largest with which at most ⌊(1 - sparsity_ratio)·N² + 1e-6⌋ couples meet (of one head, with per_head), or
/// 0.
struct BlockSparsity {
  BlockRule rule = BlockRule::none;
  std::int64_t block_size = 64;
  double sparsity_ratio = 0.9;        ///< share of the N² couples that is removed, in [0, 1); not for grid
  std::int64_t global_blocks = 1;     ///< global_local
  std::vector<std::int64_t> rates{};  ///< dilated; each >= 1
  bool per_head = false;              ///< dilated
  std::int64_t grid_width = 0;        ///< grid; >= 1
  std::int64_t grid_radius = 0;       ///< grid; >= 0
  bool operator==(const BlockSparsity&) const = default;
};

/// How far a Hilbert curve goes: a segment of fewer than `min_rows` rows keeps its order; one of more than 4^level rows
/// is cut into runs of 4^level, each along a curve of its own.
struct CurveLimits {
  std::int64_t level = 16;
  std::int64_t min_rows = 1;
  bool operator==(const CurveLimits&) const = default;
};

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

/// Which keys a query may see by distance, in positions: query - left <= key <= query + right. -1: no limit on that
/// side.
struct Window {
  std::int64_t left = -1;
  std::int64_t right = -1;
  bool is_open() const { return left < 0 && right < 0; }
  bool operator==(const Window&) const = default;
};

/// What an attention mask depends on: nothing (there is none), the key alone, or query and key.
enum class MaskKind { none, keys, scores };

/// Shape of the attention mask; its numbers are an input, like query, key and value.
///   keys: (batch, n).  scores: (batch, 1 or heads, n, n).
/// Boolean: true = may attend. Additive: added to the scaled scores; -inf hides the key.
struct MaskShape {
  MaskKind kind = MaskKind::none;
  bool is_per_head = false;  ///< scores: one matrix a query head
  bool is_additive = false;
  bool operator==(const MaskShape&) const = default;
};

/// Everything that decides which query attends which key and how results are joined: the mathematical function, free of
/// ranks, layouts, dtypes and batch. The engine and the oracle both read it and share nothing else.
/// With s_qk = softmax_scale · q·k + mask, a row's keys are those that the axes give it, less those that causality,
/// window, documents and mask (-inf or false) remove; a row without keys has out 0 and lse -inf.
struct AttentionFunction {
  PatternAxes axes;
  std::vector<Pair> pairs;  ///< for `dense`: one pair {n, 1}
  std::int64_t seq_len = 0;
  std::int64_t heads = 0;  ///< query heads
  bool is_causal = false;  ///< key position <= query position
  /// Key and value heads; 0: as many as query heads. Divides heads: query head h reads key head ⌊h / (heads /
  /// kv_heads)⌋.
  std::int64_t kv_heads = 0;
  Window window{};
  /// Cumulative lengths 0 = d_0 < … < d_m = n of packed documents: a key is seen from its own document only. Empty: one
  /// document.
  std::vector<std::int64_t> documents{};
  MaskShape mask{};
  /// Probability in [0, 1] that a normalised weight is dropped; what stays is divided by 1 - dropout (out is 0 at 1),
  /// lse is untouched. The weight of (batch b, query head h, query position q, key position k) is kept iff
  ///   word[k mod 4] >= ⌊dropout · 2^32⌋,   word = philox4x32-10(counter = (⌊k / 4⌋, q, h, b), key = dropout_seed's low
  ///   and high 32 bits, the high ones with 0xD50FF5ED xored in, so that no input number shares the stream),
  /// whatever the layout, the number of ranks and the tiles; it is the same for all pairs.
  double dropout = 0.0;
  std::uint64_t dropout_seed = 0;
  std::optional<double> softmax_scale{};  ///< none: 1/√head_dim
  BlockSparsity blocks{};
  CurveLimits curve{};  ///< of order hilbert

  std::int64_t key_heads() const { return kv_heads > 0 ? kv_heads : heads; }
  bool operator==(const AttentionFunction&) const = default;
};

}  // namespace ringattn
