#pragma once

#include "config/axes.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace ringattn::test {

/// The three named patterns of the design's table, spelled in axes, so that no test of the oracle asks the engine what
/// a name means.
inline AttentionFunction dense(std::int64_t n, std::int64_t heads, bool causal) {
  return {PatternAxes{}, {{n, 1}}, n, heads, causal};
}

inline AttentionFunction dilated(std::vector<Pair> pairs, std::int64_t n, std::int64_t heads, bool causal) {
  PatternAxes axes;
  axes.placement = Placement::tiles;
  axes.heads = HeadRule::first;
  axes.offset = OffsetRule::pair;
  axes.queries = QueryRule::dilated;
  axes.keys = KeyRule::dilated;
  axes.join = JoinRule::groups;
  axes.tail = TailRule::shortened;
  return {axes, std::move(pairs), n, heads, causal};
}

inline AttentionFunction dilated_keys(std::vector<Pair> pairs, std::int64_t n, std::int64_t heads, bool causal) {
  PatternAxes axes;
  axes.placement = Placement::tiles;
  axes.heads = HeadRule::last;
  axes.offset = OffsetRule::pair;
  axes.queries = QueryRule::all;
  axes.keys = KeyRule::dilated;
  axes.join = JoinRule::single;
  axes.tail = TailRule::dense;
  return {axes, std::move(pairs), n, heads, causal};
}

}  // namespace ringattn::test
