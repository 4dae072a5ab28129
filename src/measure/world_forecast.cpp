#include "measure/world_forecast.h"

#include "config/error.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace ringattn {
namespace {

constexpr double kNanoseconds = 1e9;

std::vector<RankForecast> forecasts(const ForecastCase& subject, std::span<const int> ranks,
                                    const ForecastMachine& machine) {
  const CostShape shape = cost_shape(subject.shape, subject.attention.function());
  std::vector<RankForecast> result;
  for (const int rank : ranks) result.push_back(forecast(subject.attention.plan(rank), shape, machine));
  return result;
}

double slowest_ns(const std::vector<RankForecast>& ranks) {
  return kNanoseconds * world_seconds(ranks, static_cast<double>(ranks.size()));
}

bool posts_early(const ForecastCase& subject) { return subject.attention.executor_options().overlap_communication; }

}  // namespace

double thread_world_ns(const ForecastCase& subject, CalibratedRates& rates) {
  const auto world_size = static_cast<int>(subject.axes.ranks);
  const int side_by_side = std::min(world_size, at::get_num_threads());
  ForecastMachine machine{.rates = rates.of(subject.axes, subject.attention.backend(), side_by_side),
                          .wire = {},
                          .copies_by_itself = false,
                          .posts_early = posts_early(subject)};
  if (world_size > 1) machine.wire = [wire = rates.wire()](int, int) { return wire; };
  std::vector<int> all;
  for (int rank = 0; rank < world_size; ++rank) all.push_back(rank);
  return kNanoseconds * world_seconds(forecasts(subject, all, machine), static_cast<double>(side_by_side));
}

double lone_ranks_ns(const ForecastCase& subject, std::span<const int> ranks, CalibratedRates& rates, const Wire& wire,
                     double contention) {
  const ForecastMachine machine{.rates = rates.of(subject.axes, subject.attention.backend(), 1),
                                .wire = [wire](int, int) { return wire; },
                                .posts_early = posts_early(subject),
                                .contention = contention};
  return slowest_ns(forecasts(subject, ranks, machine));
}

double network_ns(const ForecastCase& subject, std::span<const int> ranks, const Network& network) {
  const auto rate = network.flops_per_s.find(subject.axes.dtype);
  if (rate == network.flops_per_s.end())
    throw UsageError(fmt::format("--network {}: has no flops_per_s for {}; add it, or choose another dtype",
                                 network.name, to_string(subject.axes.dtype)));
  const auto wire = [&network](int from, int to) {
    const NetworkLink& link = network.link(from, to);
    return Wire{1e9 * link.gb_s, 1e-6 * link.us};
  };
  const ForecastMachine machine{
      .rates = {.full = {{1.0, rate->second}}, .causal = {}, .merge_bytes_per_s = 1e9 * network.memory_gb_s},
      .wire = wire,
      .posts_early = posts_early(subject)};
  return slowest_ns(forecasts(subject, ranks, machine));
}

std::vector<int> ranks_to_price(int world_size) {
  std::set<int> ranks;
  for (std::int64_t quarter = 0; quarter <= 4; ++quarter)
    ranks.insert(static_cast<int>(quarter * (world_size - 1) / 4));
  return {ranks.begin(), ranks.end()};
}

ProjectedPrice projected_price(const ForecastCase& subject, std::span<const int> ranks) {
  const CostShape shape = cost_shape(subject.shape, subject.attention.function());
  ProjectedPrice price;
  double sent = 0.0, messages = 0.0, rows = 0.0;
  for (const int rank : ranks) {
    const Cost cost = cost_of(subject.attention.plan(rank), shape);
    const PeakPrice peak = price_peak(subject.attention, rank, subject.shape);
    price.peak_bytes_max = std::max(price.peak_bytes_max, peak.peak_bytes());
    price.kernel_bytes_max = std::max(price.kernel_bytes_max, peak.kernel_bytes);
    sent += static_cast<double>(cost.sent_bytes);
    messages += static_cast<double>(cost.messages);
    rows += static_cast<double>(cost.received_rows);
  }
  const double share = static_cast<double>(subject.axes.ranks) / static_cast<double>(ranks.size());
  price.sent_bytes_total = std::llround(share * sent);
  price.messages_total = std::llround(share * messages);
  price.rows_travelled = std::llround(share * rows);
  price.flops_total = 4 * shape.batch * shape.head_dim * attended_pairs(subject.attention.pattern());
  return price;
}

}  // namespace ringattn
