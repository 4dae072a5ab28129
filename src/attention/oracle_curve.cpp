#include "attention/oracle_curve.h"

#include "config/error.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

namespace ringattn::oracle {
namespace {

/// Up to this length the snake and the turned walk leave the rows as they are.
constexpr std::int64_t longest_untouched = 64;

struct Cell {
  std::int64_t x = 0, y = 0;
};

/// What a walk does to the s×s square that it has drawn so far before it puts it into a lower quadrant: left (rx = 0)
/// or right (rx = 1).
using Fold = Cell (*)(Cell cell, std::int64_t s, bool right);

/// Hilbert: mirrored at the diagonal on the left, at the other diagonal on the right.
Cell reflect(Cell cell, std::int64_t s, bool right) {
  if (right) return {s - 1 - cell.y, s - 1 - cell.x};
  return {cell.y, cell.x};
}

/// The turned walk: mirrored at the diagonal on the left, but turned by 180° on the right.
Cell turn(Cell cell, std::int64_t s, bool right) {
  if (right) return {s - 1 - cell.x, s - 1 - cell.y};
  return {cell.y, cell.x};
}

/// Step d of the walk through the g×g grid: base-4 digits of d from the lowest; digit (rx, ry ^ rx) names the quadrant.
Cell cell_at(std::int64_t d, std::int64_t g, Fold fold) {
  Cell cell;
  for (std::int64_t s = 1; s < g; s *= 2, d /= 4) {
    const std::int64_t rx = d / 2 % 2;
    const std::int64_t ry = (d % 2) ^ rx;
    if (ry == 0) cell = fold(cell, s, rx == 1);
    cell.x += s * rx;
    cell.y += s * ry;
  }
  return cell;
}

/// The smallest power of two g with g² >= length.
std::int64_t grid_side(std::int64_t length) {
  std::int64_t g = 1;
  while (g * g < length) g *= 2;
  return g;
}

std::vector<std::int64_t> identity(std::int64_t length) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(length));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<std::int64_t> hilbert_order(std::int64_t length) {
  const std::int64_t g = grid_side(length);
  std::vector<std::int64_t> order;
  for (std::int64_t d = 0; d < g * g; ++d) {
    const Cell cell = cell_at(d, g, reflect);
    if (const std::int64_t row = cell.y * g + cell.x; row < length) order.push_back(row);
  }
  return order;
}

std::vector<std::int64_t> snake_order(std::int64_t length) {
  std::int64_t g = 1;
  while (g * g < length) ++g;
  std::vector<std::int64_t> order = identity(length);
  for (std::int64_t row = g; row < length; row += 2 * g)
    std::reverse(order.begin() + row, order.begin() + std::min(row + g, length));
  return order;
}

std::vector<std::int64_t> turned_order(std::int64_t length) {
  const std::int64_t g = grid_side(length);
  std::vector<std::int64_t> order;
  for (std::int64_t d = 0; d < length; ++d) {
    const Cell cell = cell_at(d, g, turn);
    if (const std::int64_t row = cell.x * g + cell.y; row < length) order.push_back(row);
  }
  for (auto row = static_cast<std::int64_t>(order.size()); row < length; ++row) order.push_back(row);
  return order;
}

bool is_identity(OrderRule rule, std::int64_t length) {
  return rule == OrderRule::position || (rule != OrderRule::hilbert && length <= longest_untouched);
}

/// Row x of a run that begins at `begin`, a multiple of 4^level, is where the curve of that run says.
std::vector<std::int64_t> limited_order(OrderRule rule, std::int64_t length, std::int64_t level) {
  std::int64_t run = 1;
  for (std::int64_t i = 0; i < level && run < length; ++i) run *= 4;
  if (rule != OrderRule::hilbert || run >= length) return curve_order(rule, length);
  std::vector<std::int64_t> order;
  for (std::int64_t place = 0; place < length; ++place) {
    const std::int64_t begin = place - place % run;
    if (place != begin) continue;
    for (const std::int64_t row : hilbert_order(std::min(run, length - begin))) order.push_back(begin + row);
  }
  return order;
}

Curve make_curve(OrderRule rule, std::int64_t length, std::int64_t level) {
  Curve curve{limited_order(rule, length, level), std::vector<std::int64_t>(static_cast<std::size_t>(length), -1)};
  for (std::int64_t p = 0; p < length; ++p) {
    std::int64_t& place = curve.place[static_cast<std::size_t>(curve.order[static_cast<std::size_t>(p)])];
    if (place >= 0) {
      throw UsageError("axes/order: 'turned' is no permutation of " + std::to_string(length) +
                       " rows; segments that it orders want at most " + std::to_string(longest_untouched) +
                       " rows or a power of two, or use order 'hilbert'");
    }
    place = p;
  }
  return curve;
}

}  // namespace

std::vector<std::int64_t> curve_order(OrderRule rule, std::int64_t length) {
  if (is_identity(rule, length)) return identity(length);
  switch (rule) {
    case OrderRule::hilbert:
      return hilbert_order(length);
    case OrderRule::snake:
      return snake_order(length);
    case OrderRule::turned:
      return turned_order(length);
    case OrderRule::position:
      break;
  }
  return identity(length);
}

std::shared_ptr<const Curve> curve_of(OrderRule rule, std::int64_t length) { return curve_of(rule, length, {}); }

std::shared_ptr<const Curve> curve_of(OrderRule rule, std::int64_t length, const CurveLimits& limits) {
  constexpr std::size_t remembered = 32;
  static std::mutex mutex;
  static std::map<std::tuple<OrderRule, std::int64_t, std::int64_t>, std::shared_ptr<const Curve>> curves;
  if (is_identity(rule, length) || (rule == OrderRule::hilbert && length < limits.min_rows)) return nullptr;
  const std::tuple key(rule, length, rule == OrderRule::hilbert ? limits.level : 0);
  const std::scoped_lock lock(mutex);
  const auto known = curves.find(key);
  if (known != curves.end()) return known->second;
  auto made = std::make_shared<const Curve>(make_curve(rule, length, limits.level));
  if (curves.size() > remembered) curves.clear();
  curves[key] = made;
  return made;
}

}  // namespace ringattn::oracle
