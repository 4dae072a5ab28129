#pragma once

#include "config/network.h"
#include "config/workload.h"
#include "measure/calibrated_rates.h"
#include "measure/forecast.h"
#include "measure/price.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ringattn {

/// A ring attention of one case, and what its inputs add to the plan.
struct ForecastCase {
  RingAttention& attention;
  const Case& axes;
  PriceShape shape;
};

/// The time of a World of threads of this process, in nanoseconds: ranks share out the cores, take turns where they are
/// more, and copy what they receive themselves.
double thread_world_ns(const ForecastCase& subject, CalibratedRates& rates);

/// The slowest of these ranks where each has this machine for itself and a wire to its peers.
double lone_ranks_ns(const ForecastCase& subject, std::span<const int> ranks, CalibratedRates& rates, const Wire& wire,
                     double contention = 1.0);

/// The slowest of these ranks on a described network. UsageError where it has no rate for the case's dtype.
double network_ns(const ForecastCase& subject, std::span<const int> ranks, const Network& network);

/// The ranks of k that are priced where pricing all would take too long: the first, the last, and three evenly between.
std::vector<int> ranks_to_price(int world_size);

/// What the plans of these ranks say: the largest peak (with this machine's kernel) and, exactly, the operations of the
/// whole world; sums over all ranks are k times the mean of these.
struct ProjectedPrice {
  std::int64_t peak_bytes_max = 0;
  std::int64_t kernel_bytes_max = 0;
  std::int64_t sent_bytes_total = 0;
  std::int64_t messages_total = 0;
  std::int64_t rows_travelled = 0;
  std::int64_t flops_total = 0;
};
ProjectedPrice projected_price(const ForecastCase& subject, std::span<const int> ranks);

}  // namespace ringattn
