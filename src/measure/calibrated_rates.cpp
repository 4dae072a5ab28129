#include "measure/calibrated_rates.h"

#include "measure/exchange_probe.h"
#include "measure/scalar_type.h"
#include "measure/tile_probe.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

constexpr std::int64_t kRows[] = {32, 128, 512, 2048};
constexpr std::int64_t kRoughRowsMax = 512;
constexpr std::int64_t kMergedRows = 1024;
constexpr std::int64_t kWireBytes = std::int64_t{1} << 20;
constexpr std::int64_t kPingBytes = 64;
constexpr SamplingOptions kUsual{.budget_ns = 120'000'000, .least = 5, .most = 25};
constexpr SamplingOptions kRough{.budget_ns = 5'000'000, .least = 1, .most = 3};
/// Above it a tile's rate no longer depends on how many heads there are.
constexpr std::int64_t kRowHeadsMax = 8192;

/// The largest number of whole groups of heads with at most kRowHeadsMax rows together.
ProbeTile tile_of(const Case& axes, std::int64_t rows, MaskRule rule) {
  const std::int64_t group = axes.heads / axes.key_heads();
  const std::int64_t groups = std::clamp<std::int64_t>(kRowHeadsMax / (rows * group), 1, axes.key_heads());
  return {.rows = rows,
          .heads = groups * group,
          .key_heads = groups,
          .batch = axes.batch,
          .head_dim = axes.head_dim,
          .rule = rule,
          .dtype = scalar_type(axes.dtype)};
}

const SamplingOptions& sampling(CalibratedRates::Care care) {
  return care == CalibratedRates::Care::usual ? kUsual : kRough;
}

std::vector<RateAt> rates_of(RankWorld& world, const BlockBackend& backend, const Case& axes, MaskRule rule,
                             CalibratedRates::Care care) {
  std::vector<RateAt> rates;
  for (const std::int64_t rows : kRows) {
    if (care == CalibratedRates::Care::rough && rows > kRoughRowsMax) continue;
    const ProbeTile tile = tile_of(axes, rows, rule);
    const MedianEstimate rate = rate_of(flops_of(tile), tile_samples(world, backend, tile, sampling(care)));
    rates.push_back({static_cast<double>(rows), rate.median});
  }
  return rates;
}

}  // namespace

const RankRates& CalibratedRates::of(const Case& axes, const BlockBackend& backend, int side_by_side) {
  const Key key{axes.batch, axes.heads, axes.key_heads(), axes.head_dim, axes.dtype, backend.name(), side_by_side};
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  RankWorld world(side_by_side);
  RankRates rates;
  rates.full = rates_of(world, backend, axes, MaskRule::full, care_);
  rates.causal = rates_of(world, backend, axes, MaskRule::causal, care_);
  const ProbeTile tile = tile_of(axes, kMergedRows, MaskRule::full);
  rates.merge_bytes_per_s = rate_of(merged_bytes(tile), merge_samples(world, tile, sampling(care_))).median;
  return known_.emplace(key, std::move(rates)).first->second;
}

const Wire& CalibratedRates::wire() {
  if (wire_) return *wire_;
  RankWorld two_ranks(2);
  const double bandwidth =
      rate_of(static_cast<double>(kWireBytes), exchange_samples(two_ranks, kWireBytes, sampling(care_))).median;
  const double latency_s = 1e-9 * median(as_doubles(ping_samples(two_ranks, kPingBytes, sampling(care_))));
  wire_ = Wire{bandwidth, latency_s};
  return *wire_;
}

}  // namespace ringattn
