#pragma once

#include "config/axes.h"

// The functions that old classes were meant to compute, spelled here so that nothing the engine reads can bend them.
// The letters are those of the catalogue's families.

namespace ringattn::legacy::axes {

using enum Placement;

constexpr PatternAxes tiled(HeadRule heads, OffsetRule offset, QueryRule queries, KeyRule keys, JoinRule join,
                            TailRule tail, OrderRule order = OrderRule::position) {
  return {tiles, heads, offset, queries, keys, join, order, tail};
}

constexpr PatternAxes spanned(KeyRule keys, OffsetRule offset, OrderRule order = OrderRule::position) {
  return {spans, HeadRule::all, offset, QueryRule::all, keys, JoinRule::single, order, TailRule::shortened};
}

/// S0: every row attends every row.
constexpr PatternAxes dense{};
/// S0 by head groups, the result divided by the number of pairs.
constexpr PatternAxes dense_groups{whole,        HeadRule::rest,   OffsetRule::pair,    QueryRule::all,
                                   KeyRule::all, JoinRule::groups, OrderRule::position, TailRule::shortened};
/// S1: dilated rows attend each other inside their segment, head groups, the result divided by the number of groups.
constexpr PatternAxes co_indexed = tiled(HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated,
                                         JoinRule::groups, TailRule::shortened);
/// S3: every row attends the dilated keys of its segment; what is left after the whole segments attends itself.
constexpr PatternAxes keys_only =
    tiled(HeadRule::last, OffsetRule::pair, QueryRule::all, KeyRule::dilated, JoinRule::single, TailRule::dense);
/// S4: every row attends the dilated keys of the whole sequence.
constexpr PatternAxes strided_keys{whole,
                                   HeadRule::last,
                                   OffsetRule::pair,
                                   QueryRule::all,
                                   KeyRule::dilated,
                                   JoinRule::single,
                                   OrderRule::position,
                                   TailRule::shortened};
/// S5 with its rows put back: the dilated rows of the whole sequence attend each other.
constexpr PatternAxes strided_rows{whole,
                                   HeadRule::last,
                                   OffsetRule::pair,
                                   QueryRule::dilated,
                                   KeyRule::dilated,
                                   JoinRule::single,
                                   OrderRule::position,
                                   TailRule::shortened};
/// S7a: S1 without the division. S7b: the offset moves with the segment.
constexpr PatternAxes undivided = tiled(HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated,
                                        JoinRule::single, TailRule::shortened);
constexpr PatternAxes undivided_moving = tiled(HeadRule::first, OffsetRule::segment, QueryRule::dilated,
                                               KeyRule::dilated, JoinRule::single, TailRule::shortened);
/// S8: as S7a, the last groups larger, what is left after the whole segments attends itself.
constexpr PatternAxes undivided_dense_tail =
    tiled(HeadRule::last, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated, JoinRule::single, TailRule::dense);
/// S9: the rows of pair i's span attend every r-th row of the sequence.
constexpr PatternAxes span_queries = spanned(KeyRule::sequence, OffsetRule::zero);
/// S10, F1: inside a span each residue class attends itself; by position, or along the snake.
constexpr PatternAxes span_classes = spanned(KeyRule::residue, OffsetRule::pair);
constexpr PatternAxes span_classes_snake = spanned(KeyRule::residue, OffsetRule::pair, OrderRule::snake);
/// S11: w rows, r apart, from the first on attend each other; mean over the pairs.
constexpr PatternAxes first_rows{
    first,          HeadRule::all,       OffsetRule::zero,   QueryRule::dilated, KeyRule::dilated,
    JoinRule::mean, OrderRule::position, TailRule::shortened};
/// S12: dilated rows of a segment attend their class in the whole sequence; a: head groups, b: mean over the pairs.
constexpr PatternAxes sequence_classes = tiled(HeadRule::first, OffsetRule::segment, QueryRule::dilated,
                                               KeyRule::sequence, JoinRule::single, TailRule::shortened);
constexpr PatternAxes sequence_classes_mean =
    tiled(HeadRule::all, OffsetRule::tile, QueryRule::dilated, KeyRule::sequence, JoinRule::mean, TailRule::shortened);
/// S13: dilated rows attend each other, the offset is the segment's number, mean over the pairs.
constexpr PatternAxes tile_rows_mean =
    tiled(HeadRule::all, OffsetRule::tile, QueryRule::dilated, KeyRule::dilated, JoinRule::mean, TailRule::shortened);
/// F2: every row attends every r-th place of its segment along the turned walk.
constexpr PatternAxes turned_keys = tiled(HeadRule::drop, OffsetRule::zero, QueryRule::all, KeyRule::dilated,
                                          JoinRule::single, TailRule::shortened, OrderRule::turned);

}  // namespace ringattn::legacy::axes
