#pragma once

#include "measure/rank_rates.h"

#include <functional>
#include <span>

namespace ringattn {

/// The wire between two ranks, one direction.
struct Wire {
  double bytes_per_s = 0.0;
  double latency_s = 0.0;
};

/// Everything a forecast needs besides the plan.
struct ForecastMachine {
  RankRates rates;
  std::function<Wire(int from, int to)> wire;
  /// The wire works by itself while tiles run; else the rank copies what it receives, after its tiles.
  bool copies_by_itself = true;
  bool posts_early = true;  ///< the next hop is posted before this step's tiles (overlap_communication)
  double contention = 1.0;  ///< tiles take this much longer while a hop is on its way
};

/// What one rank's forward pass takes, in seconds.
struct RankForecast {
  double total = 0.0;
  double work = 0.0;     ///< of it in tiles and merges, and in copies where the rank makes them itself
  double exposed = 0.0;  ///< of it waiting for rows
};

/// Walks through the plan as the executor does: for each step, post the next hop, run the tiles and merge them, wait
/// for the hop. Transfers of a hop that come over different wires run side by side, those over one wire one after
/// another; a wire serves one hop at a time. Peers are taken to post no later than this rank does.
RankForecast forecast(const Plan& plan, const CostShape& shape, const ForecastMachine& machine);

/// A world of these ranks where `cores` of them can compute at the same time: no faster than its slowest rank, and than
/// all work spread evenly.
///   max(max total, Σ work / cores)
double world_seconds(std::span<const RankForecast> ranks, double cores);

}  // namespace ringattn
