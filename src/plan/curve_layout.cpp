#include "pattern/curve.h"
#include "plan/layout.h"

#include <algorithm>

namespace ringattn {
namespace {

/// Length of the runs of positions that have a curve each.
std::int64_t curve_run(const AttentionFunction& function) {
  if (function.axes.placement != Placement::tiles) return function.seq_len;
  std::int64_t longest = 1;
  for (const Pair& pair : function.pairs) longest = std::max(longest, pair.segment_length);
  return std::min(longest, function.seq_len);
}

std::vector<std::int64_t> places_of(const AttentionFunction& function, const CurveLimits& limits) {
  const std::int64_t run = curve_run(function);
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(function.seq_len));
  for (std::int64_t begin = 0; begin < function.seq_len; begin += run) {
    for (const std::int64_t place : curve_order(OrderRule::hilbert, std::min(run, function.seq_len - begin), limits))
      positions.push_back(begin + place);
  }
  return positions;
}

Positions runs_of(std::vector<std::int64_t> positions) {
  std::sort(positions.begin(), positions.end());
  Positions runs;
  for (const std::int64_t position : positions) {
    if (!runs.empty() && runs.back().first + runs.back().count == position)
      ++runs.back().count;
    else
      runs.push_back({.first = position, .count = 1, .step = 1});
  }
  return runs;
}

}  // namespace

RowLayout curve_layout(const AttentionFunction& function, const CurveLimits& limits, int world_size) {
  const std::vector<std::int64_t> places = places_of(function, limits);
  const RowLayout dealt = contiguous_layout(function, world_size);
  std::vector<Positions> shards;
  auto next = places.begin();
  for (int rank = 0; rank < world_size; ++rank) {
    const auto end = next + dealt.local_rows(rank);
    shards.push_back(runs_of({next, end}));
    next = end;
  }
  return {.kind = LayoutKind::hilbert,
          .seq_len = function.seq_len,
          .world_size = world_size,
          .curve_shards = std::make_shared<const std::vector<Positions>>(std::move(shards))};
}

}  // namespace ringattn
