#include "measure/forecast.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

constexpr CostShape kShape{.batch = 1, .head_dim = 8, .element_bytes = 4, .state_bytes = 4};

/// Dense, one head, 16 rows a rank.
Plan dense_plan(int ranks, int rank) {
  AttentionFunction function;
  function.pairs = {{16 * ranks, 1}};
  function.seq_len = 16 * ranks;
  function.heads = 1;
  return make_plan(make_pattern(function), {LayoutKind::contiguous, 16 * ranks, ranks}, rank);
}

// One tile: 4 · 8 · 16 · 16 = 8192 operations; one hop: 2 · 16 · 8 · 4 = 1024 bytes; one merge: 16 · 8 · (4 + 8) = 1536
// bytes; the end: 16 · 8 · 8 = 1024 bytes.
constexpr double kTile = 8192.0;
constexpr double kHop = 1024.0;
constexpr double kMerge = 1536.0;
constexpr double kFinish = 1024.0;

ForecastMachine machine(double flops_per_s, double merge_bytes_per_s, Wire wire) {
  return {.rates = {.full = {{16.0, flops_per_s}}, .causal = {}, .merge_bytes_per_s = merge_bytes_per_s},
          .wire = [wire](int, int) { return wire; }};
}

TEST_CASE("one rank is one tile without merges") {
  const RankForecast one = forecast(dense_plan(1, 0), kShape, machine(kTile, 1.0, {1.0, 0.0}));
  CHECK(one.total == doctest::Approx(1.0));
  CHECK(one.exposed == 0.0);
}

TEST_CASE("fast wires hide: the time is that of tiles, merges and the end") {
  const RankForecast four = forecast(dense_plan(4, 1), kShape, machine(kTile, kMerge, {1e3 * kHop, 0.0}));
  CHECK(four.exposed == 0.0);
  CHECK(four.total == doctest::Approx(4.0 * (1.0 + 1.0) + kFinish / kMerge));
  CHECK(four.work == doctest::Approx(four.total));
}

TEST_CASE("slow wires show: each hop takes its latency and transfer, and only the last tile comes after") {
  const RankForecast four = forecast(dense_plan(4, 1), kShape, machine(kTile, 1e12, {kHop / 5.0, 0.5}));
  CHECK(four.total == doctest::Approx(3 * 5.5 + 1.0));
  CHECK(four.exposed == doctest::Approx(3 * 4.5));
}

TEST_CASE("without early posting, and where the rank copies for itself, transfers add to the tiles") {
  ForecastMachine late = machine(kTile, 1e12, {kHop, 0.25});
  late.posts_early = false;
  const RankForecast waits = forecast(dense_plan(2, 0), kShape, late);
  CHECK(waits.total == doctest::Approx(2.0 + 1.25));
  CHECK(waits.exposed == doctest::Approx(1.25));
  ForecastMachine own = machine(kTile, 1e12, {kHop, 0.25});
  own.copies_by_itself = false;
  const RankForecast copies = forecast(dense_plan(2, 0), kShape, own);
  CHECK(copies.total == doctest::Approx(2.0 + 1.25));
  CHECK(copies.exposed == 0.0);
}

TEST_CASE("tiles run slower while a hop is on its way, and only then") {
  ForecastMachine slowed = machine(kTile, 1e12, {kHop / 0.4, 0.0});
  slowed.contention = 2.0;
  // 0.4 s at half speed do 0.2 s of work; 0.8 s remain; the last tile is undisturbed.
  CHECK(forecast(dense_plan(2, 0), kShape, slowed).total == doctest::Approx(0.4 + 0.8 + 1.0));
  slowed.wire = [](int, int) { return Wire{kHop / 100.0, 0.0}; };
  CHECK(forecast(dense_plan(2, 0), kShape, slowed).total == doctest::Approx(100.0 + 1.0));
}

TEST_CASE("rates are interpolated on logarithmic axes, fall below the smallest size and stay above the largest") {
  const std::vector<RateAt> rates{{16, 100.0}, {64, 400.0}, {256, 400.0}};
  CHECK(rate_at(rates, 32) == doctest::Approx(200.0));
  CHECK(rate_at(rates, 128) == doctest::Approx(400.0));
  CHECK(rate_at(rates, 4) == doctest::Approx(25.0));
  CHECK(rate_at(rates, 4096) == 400.0);
  CHECK(rate_at({{64, 7.0}}, 2) == 7.0);
  CHECK_THROWS_AS(rate_at({}, 2), UsageError);
  CHECK(rate_at({{16, 400.0}, {64, 100.0}}, 4) == 400.0);  // never rises
}

TEST_CASE("a world is no faster than its slowest rank, nor than its work over its cores") {
  const std::vector<RankForecast> ranks{{3.0, 3.0, 0.0}, {1.0, 1.0, 0.0}, {2.0, 2.0, 0.0}, {2.0, 2.0, 0.0}};
  CHECK(world_seconds(ranks, 4.0) == 3.0);
  CHECK(world_seconds(ranks, 2.0) == 4.0);
}

}  // namespace
}  // namespace ringattn
