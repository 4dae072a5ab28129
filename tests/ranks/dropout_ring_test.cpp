#include "attention/attends.h"
#include "attention/oracle.h"
#include "attention/oracle_dropout.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

// Dropout as the ring applies it. Values are one-hot: the value of the key at position j is 1 in feature j and 0
// elsewhere, so that feature j of the output is the weight of key j, and what was dropped can be read off.

namespace ringattn {
namespace {

struct Shape {
  std::int64_t batch = 2, n = 48, heads = 4, kv_heads = 0;
};

/// Random scores over one-hot values, head dim n.
RankInputs one_hot_inputs(const Shape& shape, std::uint64_t seed = 7) {
  RankInputs inputs =
      testing::full_inputs(shape.batch, shape.n, shape.heads, shape.n, at::kFloat, seed, shape.kv_heads);
  inputs.value = at::eye(shape.n, at::kFloat).view({1, shape.n, 1, shape.n}).expand(inputs.key.sizes()).contiguous();
  return inputs;
}

Problem training(const Shape& shape, std::uint64_t seed, bool is_causal = false) {
  Problem problem{.seq_len = shape.n, .heads = shape.heads, .is_causal = is_causal, .kv_heads = shape.kv_heads};
  problem.is_training = true;
  problem.dropout_seed = seed;
  return problem;
}

/// The weights after dropout, (batch, heads, query, key).
at::Tensor weights_of(const testing::RingRun& run) { return run.out.transpose(1, 2); }

/// Whether each place is kept by the rule of config/axes.h.
at::Tensor kept_by_rule(const AttentionFunction& f, std::int64_t batch) {
  at::Tensor kept = at::empty({batch, f.heads, f.seq_len, f.seq_len}, at::kBool);
  auto* place = kept.mutable_data_ptr<bool>();
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t head = 0; head < f.heads; ++head) {
      for (std::int64_t query = 0; query < f.seq_len; ++query) {
        for (std::int64_t key = 0; key < f.seq_len; ++key) *place++ = oracle::dropout_keeps(f, b, head, query, key);
      }
    }
  }
  return kept;
}

/// Whether some pair lets the query attend the key: (1, heads, n, n).
at::Tensor attended(const AttentionFunction& f) {
  at::Tensor any = at::zeros({1, f.heads, f.seq_len, f.seq_len}, at::kBool);
  auto* place = any.mutable_data_ptr<bool>();
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key, ++place) {
        for (std::int64_t pair = 0; pair < std::ssize(f.pairs); ++pair)
          *place = *place || attends(f, pair, head, query, key);
      }
    }
  }
  return any;
}

RingAttentionConfig curve_config() {
  RingAttentionConfig config = testing::ring_config("residue", "[20, 28]", "[3, 2]");
  PatternAxes axes = axes_of(PatternName::residue);
  axes.order = OrderRule::hilbert;
  config.pattern = {.name = PatternName::custom, .axes = axes};
  return config;
}

RingAttentionConfig mean_config() {
  RingAttentionConfig config = testing::ring_config("longnet", "[12, 48]", "[1, 3]");
  PatternAxes axes = axes_of(PatternName::longnet);
  axes.join = JoinRule::mean;
  config.pattern = {.name = PatternName::custom, .axes = axes};
  return config;
}

/// The mask read off the ring's output is the rule's, where a key is attended, at every k and layout.
void check_masks(RingAttentionConfig config, const Shape& shape, bool is_causal) {
  config.dropout = 0.4;
  const Problem problem = training(shape, 0x1234567800000005ULL, is_causal);
  const AttentionFunction f = resolve_function(config, problem);
  const RankInputs full = one_hot_inputs(shape);
  const at::Tensor wanted = kept_by_rule(f, shape.batch).logical_and(attended(f));
  REQUIRE(wanted.any().item<bool>());
  const OracleResult oracle = evaluate_oracle(f, full.query, full.key, full.value);
  for (const int ranks : {1, 2, 3, 5, 8}) {
    for (const Layout layout : {Layout::contiguous, Layout::zigzag, Layout::striped}) {
      config.layout = layout;
      INFO(fmt::format("{} causal={} {} k={}", describe(config.pattern), is_causal, to_string(layout), ranks));
      const testing::RingRun run = testing::run_ring(config, full, problem, ranks);
      CHECK(at::equal(weights_of(run).ne(0.0), wanted));
      CHECK(testing::worst_error(run.out, oracle.out, 1e-5, 1e-5) <= 1.0);
    }
  }
}

/// The mask of a ring run of dense attention with equal scores: kept places as 1, others 0, fp64.
at::Tensor ring_mask(const Shape& shape, double probability, std::uint64_t seed, int ranks) {
  RankInputs full = one_hot_inputs(shape);
  full.query.zero_();
  RingAttentionConfig config = testing::ring_config("dense", fmt::format("[{}]", shape.n), "[1]");
  config.dropout = probability;
  return weights_of(testing::run_ring(config, full, training(shape, seed), ranks)).ne(0.0).to(at::kDouble);
}

/// Deviations of a correlation coefficient from 0 in units of its standard deviation 1/√N.
double correlation_sigmas(const at::Tensor& a, const at::Tensor& b, double kept_share) {
  const double variance = kept_share * (1.0 - kept_share);
  const double correlation = ((a - kept_share) * (b - kept_share)).mean().item<double>() / variance;
  return std::abs(correlation) * std::sqrt(static_cast<double>(a.numel()));
}

/// Neighbours `distance` apart along one dimension.
double neighbour_sigmas(const at::Tensor& mask, int dim, std::int64_t distance, double kept_share) {
  const std::int64_t count = mask.size(dim) - distance;
  return correlation_sigmas(mask.narrow(dim, 0, count), mask.narrow(dim, distance, count), kept_share);
}

}  // namespace

TEST_CASE("the dropped weights are the rule's for every pattern, number of ranks and layout") {
  at::set_num_threads(1);
  const testing::NanMemory nan_memory;
  for (const bool is_causal : {false, true}) {
    check_masks(testing::ring_config("dense", "[48]", "[1]"), {}, is_causal);
    check_masks(testing::ring_config("dilated", "[12, 48]", "[1, 3]"), {}, is_causal);
    check_masks(testing::ring_config("dilated_keys", "[12, 30]", "[2, 3]"), {}, is_causal);
    check_masks(testing::ring_config("longnet", "[12, 48]", "[1, 3]"), {}, is_causal);
    check_masks(curve_config(), {}, is_causal);
    check_masks(mean_config(), {}, is_causal);
    check_masks(testing::ring_config("dense", "[48]", "[1]"), {.kv_heads = 2}, is_causal);
  }
}

TEST_CASE("what is dropped does not depend on query, key, scale, window or documents") {
  at::set_num_threads(1);
  const Shape shape;
  RingAttentionConfig config = testing::ring_config("dense", "[48]", "[1]");
  config.dropout = 0.25;
  Problem problem = training(shape, 11);
  const at::Tensor first = weights_of(testing::run_ring(config, one_hot_inputs(shape, 1), problem, 3)).ne(0.0);
  CHECK(at::equal(weights_of(testing::run_ring(config, one_hot_inputs(shape, 2), problem, 2)).ne(0.0), first));
  config.softmax_scale = 0.5 / std::sqrt(48.0);
  problem.window = {9, 4};
  problem.documents = {0, 17, 48};
  const at::Tensor seen = attended(resolve_function(config, problem));
  CHECK(at::equal(weights_of(testing::run_ring(config, one_hot_inputs(shape, 3), problem, 4)).ne(0.0),
                  first.logical_and(seen)));
}

TEST_CASE("the drop rate is the asked one within four standard deviations, on the whole and on every part") {
  at::set_num_threads(1);
  const Shape shape{.batch = 2, .n = 128, .heads = 4};
  for (const double probability : {0.05, 0.1, 0.5, 0.9}) {
    const at::Tensor mask = ring_mask(shape, probability, 2024, 3);
    const auto sigmas = [&](const at::Tensor& part) {
      const double rate = 1.0 - part.mean().item<double>();
      return std::abs(rate - probability) /
             std::sqrt(probability * (1.0 - probability) / static_cast<double>(part.numel()));
    };
    INFO("probability ", probability);
    CHECK(sigmas(mask) <= 4.0);
    for (int dim = 0; dim < 2; ++dim) {
      for (std::int64_t i = 0; i < mask.size(dim); ++i) CHECK(sigmas(mask.select(dim, i)) <= 4.0);
    }
    for (std::int64_t lane = 0; lane < 4; ++lane) CHECK(sigmas(mask.slice(3, lane, std::nullopt, 4)) <= 4.0);
  }
}

TEST_CASE("neighbouring keys, queries, heads, batches and seeds are dropped independently") {
  at::set_num_threads(1);
  const Shape shape{.batch = 2, .n = 128, .heads = 4};
  const double probability = 0.3, kept = 0.7;
  const at::Tensor mask = ring_mask(shape, probability, 5, 3);
  CHECK(neighbour_sigmas(mask, 0, 1, kept) <= 4.0);
  for (const std::int64_t distance : {1, 2, 3}) CHECK(neighbour_sigmas(mask, 1, distance, kept) <= 4.0);
  for (const int dim : {2, 3}) {
    for (const std::int64_t distance : {1, 2, 3, 4, 8, 64}) {
      INFO("dimension ", dim, " distance ", distance);
      CHECK(neighbour_sigmas(mask, dim, distance, kept) <= 4.0);
    }
  }
  CHECK(correlation_sigmas(mask, mask.transpose(2, 3), kept) <= 4.0 * std::sqrt(2.0));  // each couple counts twice
  for (const std::uint64_t other : {4ULL, 6ULL, 5ULL + (1ULL << 32), 5ULL << 32}) {
    INFO("seed ", other);
    CHECK(correlation_sigmas(mask, ring_mask(shape, probability, other, 2), kept) <= 4.0);
  }
}

TEST_CASE("a larger probability drops what a smaller one dropped, and more") {
  at::set_num_threads(1);
  const Shape shape{.batch = 1, .n = 64, .heads = 2};
  const at::Tensor few = ring_mask(shape, 0.2, 9, 2), many = ring_mask(shape, 0.6, 9, 3);
  CHECK(many.le(few).all().item<bool>());
  CHECK(many.sum().item<double>() < few.sum().item<double>());
}

TEST_CASE("dropout is unbiased: the mean over seeds approaches the undropped result") {
  at::set_num_threads(1);
  const Shape shape{.batch = 1, .n = 16, .heads = 2};
  constexpr int kSeeds = 300;
  const double probability = 0.3;
  const RankInputs weights_inputs = one_hot_inputs(shape);
  RankInputs full = weights_inputs;
  full.value = testing::full_inputs(1, shape.n, shape.heads, shape.n, at::kFloat, 8).value;
  RingAttentionConfig config = testing::ring_config("dense", "[16]", "[1]");
  Problem problem = training(shape, 0, true);
  const at::Tensor plain = testing::run_ring(config, full, problem, 2).out.to(at::kDouble);
  const at::Tensor weights = weights_of(testing::run_ring(config, weights_inputs, problem, 2)).to(at::kDouble);
  config.dropout = probability;
  at::Tensor sum = at::zeros_like(plain);
  for (int seed = 0; seed < kSeeds; ++seed) {
    problem.dropout_seed = static_cast<std::uint64_t>(seed);
    sum.add_(testing::run_ring(config, full, problem, 1 + seed % 3).out.to(at::kDouble));
  }
  // Each weight w becomes w·B/(1-p), B = 1 with probability 1-p: the variance is w²·p/(1-p).
  const at::Tensor values = full.value.to(at::kDouble).transpose(1, 2);
  const at::Tensor variance = at::matmul(weights.square(), values.square()) * (probability / (1.0 - probability));
  const at::Tensor sigmas = (sum / kSeeds - plain).transpose(1, 2) / (variance / kSeeds).sqrt();
  CHECK(sigmas.abs().max().item<double>() <= 5.0);
  CHECK(sigmas.square().mean().item<double>() <= 1.5);
  CHECK(sigmas.square().mean().item<double>() >= 0.5);
}

TEST_CASE("dropout leaves lse alone, drops all at 1, and is off outside training") {
  at::set_num_threads(1);
  const testing::NanMemory nan_memory;
  const Shape shape;
  const RankInputs full = one_hot_inputs(shape);
  RingAttentionConfig config = testing::ring_config("dilated_keys", "[12, 48]", "[1, 3]");
  config.backend = Backend::reference;
  Problem problem = training(shape, 3, true);
  for (const int ranks : {1, 3, 8}) {
    config.dropout = 0.0;
    const testing::RingRun plain = testing::run_ring(config, full, problem, ranks);
    config.dropout = 0.5;
    const testing::RingRun dropped = testing::run_ring(config, full, problem, ranks);
    CHECK(at::equal(dropped.lse, plain.lse));
    CHECK_FALSE(at::equal(dropped.out, plain.out));
    problem.is_training = false;
    const testing::RingRun evaluated = testing::run_ring(config, full, problem, ranks);
    CHECK(at::equal(evaluated.out, plain.out));
    problem.is_training = true;
    config.dropout = 1.0;
    const testing::RingRun nothing = testing::run_ring(config, full, problem, ranks);
    CHECK(nothing.out.eq(0.0).all().item<bool>());
    CHECK(at::equal(nothing.lse, plain.lse));
  }
}

TEST_CASE("long sequences, whose tiles are cut into several calls, drop what the oracle drops") {
  at::set_num_threads(1);
  const Shape shape{.batch = 2, .n = 1100, .heads = 4, .kv_heads = 2};
  for (const RingAttentionConfig& pattern :
       {testing::ring_config("dense", "[1100]", "[1]"), testing::ring_config("dilated", "[50, 550]", "[1, 2]"),
        testing::ring_config("longnet", "[50, 1100]", "[1, 3]")}) {
    RingAttentionConfig config = pattern;
    config.dropout = 0.3;
    const Problem problem = training(shape, 5, true);
    const RankInputs full = testing::full_inputs(shape.batch, shape.n, shape.heads, 64, at::kFloat, 3, shape.kv_heads);
    const OracleResult oracle = evaluate_oracle(resolve_function(config, problem), full.query, full.key, full.value);
    for (const int ranks : {1, 3}) {
      INFO(describe(config.pattern), " k=", ranks);
      const testing::RingRun run = testing::run_ring(config, full, problem, ranks);
      CHECK(testing::worst_error(run.out, oracle.out, 1e-5, 1e-5) <= 1.0);
      CHECK(testing::worst_error(run.lse, oracle.lse, 1e-5, 1e-5) <= 1.0);
    }
  }
}

}  // namespace ringattn
