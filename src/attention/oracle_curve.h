#pragma once

#include "config/axes.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace ringattn::oracle {

/// An order of the l rows of a segment: place p holds row order[p], and row x lies at place[x]; a permutation and its
/// inverse.
struct Curve {
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> place;
};

/// The sequence of rows that the rule writes down for a length, whether or not it is a permutation. All values are in
/// [0, length).
///   hilbert: Hilbert's curve through the g×g grid, g the smallest power of two with g² >= l; cells y·g + x below l.
///   snake:   identity up to 64; else rows of g = ⌈√l⌉, the odd ones backwards (the last may be shorter).
///   turned:  identity up to 64; else steps 0 … l-1 of a walk like Hilbert's whose quadrants are turned where his are
///            reflected; cells x·g + y below l; what is missing at the end is filled with m, m + 1, …, m kept so far.
/// Sources: hilbert-and-new-api §1.1 M2, M1, M4. O(l log l).
std::vector<std::int64_t> curve_order(OrderRule rule, std::int64_t length);

/// The curve, or nullptr where it is the identity (order `position`, short snakes). A pure function that remembers its
/// last results, so that asking again costs O(1); thread-safe. UsageError: the order is no permutation of that length.
std::shared_ptr<const Curve> curve_of(OrderRule rule, std::int64_t length);

/// The same within a function's limits, which count for hilbert alone: fewer than min_rows rows are left as they are,
/// and each 4^level rows, and what is left after them, have a curve of their own.
std::shared_ptr<const Curve> curve_of(OrderRule rule, std::int64_t length, const CurveLimits& limits);

}  // namespace ringattn::oracle
