#include "pattern/curve.h"

#include "config/error.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace ringattn {
namespace {

/// Up to this length snake and turned are the identity, as in the classes that they describe.
constexpr std::int64_t straight_length = 64;
constexpr std::int64_t level_max = 31;  // 4^level fits 64 bits

struct Cell {
  std::int32_t x = 0;
  std::int32_t y = 0;
};

/// What the walk through a quadrant of side s does in the last of the four quadrants; x and y are within the quadrant.
///   mirrored: (s-1-y, s-1-x), Hilbert's;  turned: (s-1-x, s-1-y).
enum class LastQuadrant { mirrored, turned };

/// The walk through the square of side 2s, out of the walk W through a square of side s:
///   W with x and y swapped,  W at (0, s),  W at (s, s),  W mirrored or turned at (s, 0).
std::vector<Cell> doubled(const std::vector<Cell>& walk, std::int32_t s, LastQuadrant last) {
  std::vector<Cell> next;
  next.reserve(4 * walk.size());
  for (const Cell cell : walk) next.push_back({cell.y, cell.x});
  for (const Cell cell : walk) next.push_back({cell.x, cell.y + s});
  for (const Cell cell : walk) next.push_back({cell.x + s, cell.y + s});
  for (const Cell cell : walk) {
    const Cell across = last == LastQuadrant::mirrored ? Cell{cell.y, cell.x} : cell;
    next.push_back({2 * s - 1 - across.x, s - 1 - across.y});
  }
  return next;
}

/// The walk through the square whose side is the smallest power of two with side² >= length: at most 4·length cells.
std::vector<Cell> walk_square(std::int64_t length, LastQuadrant last, std::int64_t& side) {
  std::vector<Cell> walk{{}};
  for (side = 1; side * side < length; side *= 2) walk = doubled(walk, static_cast<std::int32_t>(side), last);
  return walk;
}

std::vector<std::int64_t> identity(std::int64_t length) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(length));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/// order = the cells y·g + x < length of the whole square, as the curve meets them.
std::vector<std::int64_t> hilbert_order(std::int64_t length) {
  std::int64_t side = 1;
  std::vector<std::int64_t> order;
  order.reserve(static_cast<std::size_t>(length));
  for (const Cell cell : walk_square(length, LastQuadrant::mirrored, side)) {
    const std::int64_t position = cell.y * side + cell.x;
    if (position < length) order.push_back(position);
  }
  return order;
}

/// With g = ⌈√length⌉, row = ⌊p/g⌋, m = min(g, length - row·g):  order[p] = row·g + m - 1 - (p mod g) in odd rows, else
/// p.
std::vector<std::int64_t> snake_order(std::int64_t length) {
  std::vector<std::int64_t> order = identity(length);
  if (length <= straight_length) return order;
  std::int64_t width = 1;
  while (width * width < length) ++width;
  for (std::int64_t row_begin = width; row_begin < length; row_begin += 2 * width)
    std::reverse(order.begin() + row_begin, order.begin() + std::min(row_begin + width, length));
  return order;
}

/// How many of the first `length` cells of the turned walk are positions below length, when what remains, in order,
/// completes a permutation; 0 when it does not.
///   g² = length: all.  2·4^m <= length <= 2·4^m + 2^m: the half x < g/2 of the square, as no later cell comes below
///   length.
std::int64_t turned_prefix(std::int64_t length, std::int64_t side) {
  const std::int64_t half = side / 2 * side;
  if (length == side * side) return length;
  return length >= half && length <= half + side / 2 ? half : 0;
}

/// order = the cells x·g + y of the turned walk, then the positions that it left out.
std::vector<std::int64_t> turned_order(std::int64_t length) {
  std::vector<std::int64_t> order = identity(length);
  if (length <= straight_length) return order;
  std::int64_t side = 1;
  const std::vector<Cell> walk = walk_square(length, LastQuadrant::turned, side);
  const std::int64_t walked = turned_prefix(length, side);
  if (walked == 0)
    throw UsageError(
        "pattern/order: \"turned\" is no permutation of a segment of " + std::to_string(length) +
        " rows; it is one up to " + std::to_string(straight_length) +
        " rows, for powers of two, and from 2^(2m+1) to 2^(2m+1) + 2^m rows (a short last segment counts)");
  std::transform(walk.begin(), walk.begin() + walked, order.begin(),
                 [side](const Cell cell) { return cell.x * side + cell.y; });
  return order;
}

}  // namespace

std::vector<std::int64_t> curve_order(OrderRule order, std::int64_t length) {
  if (length < 0) throw UsageError("length: " + std::to_string(length) + " is out of range; at least 0");
  switch (order) {
    case OrderRule::position:
      return identity(length);
    case OrderRule::hilbert:
      return hilbert_order(length);
    case OrderRule::snake:
      return snake_order(length);
    case OrderRule::turned:
      return turned_order(length);
  }
  throw UsageError("pattern/order: unknown value");
}

std::vector<std::int64_t> curve_order(OrderRule order, std::int64_t length, const CurveLimits& limits) {
  if (order != OrderRule::hilbert) return curve_order(order, length);
  if (limits.level < 1 || limits.level > level_max)
    throw UsageError("hilbert_curve_level: " + std::to_string(limits.level) + " is out of range; 1 to " +
                     std::to_string(level_max));
  if (length < limits.min_rows) return identity(length);
  const std::int64_t cells = std::int64_t{1} << (2 * limits.level);
  if (length <= cells) return curve_order(order, length);
  std::vector<std::int64_t> whole;
  whole.reserve(static_cast<std::size_t>(length));
  for (std::int64_t begin = 0; begin < length; begin += cells) {
    for (const std::int64_t position : curve_order(order, std::min(cells, length - begin)))
      whole.push_back(begin + position);
  }
  return whole;
}

}  // namespace ringattn
