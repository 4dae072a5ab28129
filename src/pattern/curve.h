#pragma once

#include "config/axes.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// The positions of a segment in the order in which dilation counts them: result[place] = position, a permutation of
/// 0 … length-1. Places are what a rate and an offset choose from; tokens, causality and the window stay by position.
///   position: the identity.
///   hilbert:  the Hilbert curve through the square of side g, the smallest power of two with g² >= length, whose cell
///             (x, y) is position y·g + x; cells beyond the segment are skipped.
///   snake:    the rows of a grid ⌈√length⌉ wide, every other one backwards; its own inverse. Identity up to 64.
///   turned:   a walk like Hilbert's whose last quadrant is turned by 180° where Hilbert mirrors it, cell (x, y) being
///             position x·g + y, ended after `length` cells; positions that it misses follow in order. From 128 on a
///             power of two has length/16 - 1 steps between cells that do not touch. Identity up to 64.
/// Throws UsageError for a length below 0, and for `turned` of a length above 64 where the walk leaves the segment and
/// no permutation results: all but powers of two and 2·4^m … 2·4^m + 2^m. Cost: O(length) time and memory, integers
/// only.
std::vector<std::int64_t> curve_order(OrderRule order, std::int64_t length);

/// The same within the limits of a Hilbert curve, which the other orders don't heed: fewer than limits.min_rows rows
/// keep their order; every 4^level rows, and what remains after them, go along a curve of their own. UsageError for a
/// level outside 1 … 31.
std::vector<std::int64_t> curve_order(OrderRule order, std::int64_t length, const CurveLimits& limits);

}  // namespace ringattn
