#include "measure/rank_rates.h"

#include "config/error.h"

#include <algorithm>
#include <cmath>

namespace ringattn {
namespace {

double slope(const RateAt& low, const RateAt& high) {
  return std::log(high.flops_per_s / low.flops_per_s) / std::log(high.rows / low.rows);
}

double along(const RateAt& from, double exponent, double rows) {
  return from.flops_per_s * std::pow(rows / from.rows, exponent);
}

}  // namespace

double rate_at(const std::vector<RateAt>& rates, double rows) {
  if (rates.empty()) throw UsageError("rates: none given, at least one is needed");
  if (rates.size() == 1 || rows >= rates.back().rows) return rates.back().flops_per_s;
  if (rows <= rates.front().rows) return along(rates[0], std::max(0.0, slope(rates[0], rates[1])), std::max(1.0, rows));
  const auto above = std::upper_bound(rates.begin(), rates.end(), rows,
                                      [](double value, const RateAt& rate) { return value < rate.rows; });
  const RateAt& below = *std::prev(above);
  return along(below, slope(below, *above), rows);
}

double kernel_seconds(const PlanTile& tile, const CostShape& shape, const RankRates& rates) {
  const auto pairs = static_cast<double>(tile.attended_pairs());
  if (pairs == 0.0) return 0.0;
  const double rows = std::sqrt(static_cast<double>(tile.queries()) * static_cast<double>(tile.keys()));
  const bool is_triangle = tile.rule == MaskRule::causal && !rates.causal.empty();
  const double rate = rate_at(is_triangle ? rates.causal : rates.full, rows);
  return 4.0 * static_cast<double>(shape.batch * shape.head_dim) * pairs / rate;
}

double merge_bytes(const PlanTile& tile, const CostShape& shape) {
  const std::int64_t segments = tile.query_index.empty() ? tile.query.segments : 1;
  const std::int64_t elements = shape.batch * tile.heads.size() * segments * tile.queries() * shape.head_dim;
  return static_cast<double>(elements) * static_cast<double>(shape.element_bytes + 2 * shape.state_bytes);
}

}  // namespace ringattn
