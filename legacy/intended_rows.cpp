#include "legacy/intended_rows.h"

#include "config/error.h"
#include "legacy/curves.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {
namespace {

/// Up to this length the snake and the turned walk leave rows where they are.
constexpr std::int64_t straight = 64;

std::vector<Stretch> tiles(TailRule tail, std::int64_t w, std::int64_t n) {
  std::vector<Stretch> result;
  for (std::int64_t t = 0; t < n / w; ++t) result.push_back({t * w, w, t, false});
  if (n % w > 0 && tail != TailRule::zero) result.push_back({n - n % w, n % w, n / w, tail == TailRule::dense});
  return result;
}

/// Positions 0 … length - 1 as the curve meets them.
at::Tensor curve(OrderRule order, std::int64_t length) {
  if (order == OrderRule::hilbert) return hilbert_order(length);
  if (order == OrderRule::snake) return snake(length);
  at::Tensor walk = turned_order(length);
  if (at::equal(std::get<0>(at::sort(walk)), at::arange(length, walk.options()))) return walk;
  throw UsageError("axes/order: 'turned' visits some of " + std::to_string(length) +
                   " rows twice and others never; its segments want at most 64 rows or a power of two");
}

}  // namespace

std::vector<Stretch> stretches(const PatternAxes& axes, const std::vector<Pair>& pairs, std::size_t index,
                               std::int64_t n) {
  const std::int64_t w = std::min(pairs[index].segment_length, n);
  if (axes.placement == Placement::tiles) return tiles(axes.tail, w, n);
  if (axes.placement == Placement::whole) return {{0, n}};
  if (axes.placement == Placement::first) return {{0, w}};
  std::int64_t first = 0;
  for (std::size_t j = 0; j < index; ++j) first = std::min(n, first + std::min(pairs[j].segment_length, n));
  if (first >= n) return {};
  return {{first, std::min(w, n - first)}};
}

std::int64_t offset_of(OffsetRule rule, std::int64_t r, std::int64_t index, std::int64_t number, std::int64_t head) {
  switch (rule) {
    case OffsetRule::pair:
      return index % r;
    case OffsetRule::segment:
      return (index + number) % r;
    case OffsetRule::tile:
      return number % r;
    case OffsetRule::head:
      return head % r;
    case OffsetRule::zero:
      break;
  }
  return 0;
}

Rows places(OrderRule order, std::int64_t first, std::int64_t length, std::int64_t o, std::int64_t r) {
  const bool is_straight =
      order == OrderRule::position || r == 1 || (order != OrderRule::hilbert && length <= straight);
  if (is_straight) return {first + o, first + length, r, {}};
  return {.list = curve(order, length).slice(0, std::min(o, length), length, r) + first};
}

std::vector<Call> calls(const PatternAxes& axes, const Stretch& stretch, std::int64_t n, std::int64_t o,
                        std::int64_t r) {
  const auto class_of = [&](std::int64_t c) { return places(axes.order, stretch.first, stretch.length, c, r); };
  const Rows whole{stretch.first, stretch.first + stretch.length, 1, {}};
  const bool is_dilated = axes.queries == QueryRule::dilated;
  const Rows queries = is_dilated ? class_of(o) : whole;
  switch (axes.keys) {
    case KeyRule::dilated:
      return {{queries, class_of(o)}};
    case KeyRule::sequence:
      return {{queries, places(axes.order, 0, n, o, r)}};
    case KeyRule::all:
      return {{queries, whole}};
    case KeyRule::residue:
      break;
  }
  if (is_dilated) return {{queries, queries}};
  std::vector<Call> result;
  for (std::int64_t c = 0; c < std::min(r, stretch.length); ++c) result.push_back({class_of(c), class_of(c)});
  return result;
}

std::vector<HeadGroup> head_groups(HeadRule rule, std::int64_t heads, std::size_t pairs) {
  if (rule == HeadRule::first) return groups_first_larger(heads, pairs);
  if (rule == HeadRule::last) return groups_last_larger(heads, pairs);
  if (rule == HeadRule::all) return std::vector<HeadGroup>(pairs, {0, heads});
  const auto groups = static_cast<std::int64_t>(pairs);
  std::vector<HeadGroup> result;
  for (std::int64_t i = 0; i < groups; ++i) result.push_back({i * (heads / groups), heads / groups});
  if (rule == HeadRule::rest) result.back().count += heads % groups;
  return result;
}

}  // namespace ringattn::legacy
