#pragma once

#include "plan/cost.h"

#include <vector>

namespace ringattn {

/// How fast attention tiles of so many rows and as many keys run: operations that attend, a second.
struct RateAt {
  double rows = 0.0;
  double flops_per_s = 0.0;
};

/// What one rank computes at, measured or described. Pure data, in one dtype.
struct RankRates {
  std::vector<RateAt> full;    ///< ascending rows, at least one
  std::vector<RateAt> causal;  ///< of triangles; empty: as full
  double merge_bytes_per_s = 0.0;
};

/// The rate of a tile of `rows` (the square root of queries · keys): interpolated between the measured sizes on
/// logarithmic axes, the largest size's above them. Below the smallest it falls as it does between the two smallest,
/// and never rises.
double rate_at(const std::vector<RateAt>& rates, double rows);

///   4 · batch · dim · attended pairs / rate(√(queries · keys))
double kernel_seconds(const PlanTile& tile, const CostShape& shape, const RankRates& rates);

/// Bytes that merging a tile's result moves: the result is read, the state is read and written.
///   batch · heads · queries · dim · (element bytes + 2 · state bytes)
double merge_bytes(const PlanTile& tile, const CostShape& shape);

}  // namespace ringattn
