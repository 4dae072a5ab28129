#pragma once

#include "config/axes.h"

#include <cstdint>
#include <vector>

namespace ringattn::legacy {

/// Pairs (w, r) that a list for n rows may hold, the plainest first: by r, then w that n divides into, round w, others;
/// w above n comes last. Each pair is in one of the two sets.
///   likely: w is a divisor of n or round, r at most 8; up to n = 32 there is nothing else
///   other:  every w up to n with every r up to 32
/// r goes beyond w where the offset of one of the first five pairs could tell.
struct PairSets {
  std::vector<Pair> likely;
  std::vector<Pair> other;
};
PairSets possible_pairs(std::int64_t n);

/// Lists by which classes are told apart: with repeated pairs, segments that fill n, halve it, miss it by one or exceed
/// it, and of one to three pairs from all over the likely ones.
std::vector<std::vector<Pair>> probe_lists(std::int64_t n);

}  // namespace ringattn::legacy
