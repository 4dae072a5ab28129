#include "attention/index_sets.h"
#include "attention/oracle.h"
#include "comm/world.h"
#include "legacy/catalogue.h"
#include "legacy/factory.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

struct Sample {
  std::int64_t n;
  std::vector<std::int64_t> segment_lengths, dilation_rates;
};

// r divides w; r does not divide w; a tail; a segment longer than n; offsets above 0.
const std::vector<Sample> samples{{24, {8, 12}, {1, 2}},
                                  {24, {8, 12, 24}, {1, 3, 2}},
                                  {20, {10, 20}, {3, 1}},
                                  {26, {5, 10}, {1, 3}},
                                  {13, {7, 99}, {2, 4}}};

RankInputs inputs(std::int64_t n) {
  const auto wave = [&](double frequency) {
    return at::arange(n * 4 * 4, at::kDouble).mul(frequency).sin().mul(1.5).view({1, n, 4, 4});
  };
  return {wave(0.7), wave(1.3), wave(2.1)};
}

at::Tensor shipped(const Sample& sample, bool causal, const RankInputs& in) {
  const auto attention = legacy::make_legacy("v2", {sample.segment_lengths, sample.dilation_rates, true, {}},
                                             {.seq_len = sample.n, .heads = 4, .is_causal = causal}, 1);
  at::Tensor out;
  spawn_ranks(1, [&](Communicator& communicator) { out = attention->forward(communicator, in).out; });
  return out;
}

at::Tensor oracle_with(const Sample& sample, bool causal, const RankInputs& in, const Defects& defects) {
  const auto pairs = legacy::pairs_from(sample.segment_lengths, sample.dilation_rates);
  OracleOptions options;
  options.defects = defects;
  const AttentionFunction function = legacy::intended_function(legacy::find_legacy("v2"), pairs,
                                                               {.seq_len = sample.n, .heads = 4, .is_causal = causal});
  return evaluate_oracle(function, in.query, in.key, in.value, options).out;
}

}  // namespace

TEST_CASE("v2 as shipped, causal, is its oracle with the slot-order triangle over the cyclic slots, and not without") {
  for (const Sample& sample : samples) {
    const RankInputs in = inputs(sample.n);
    const at::Tensor old = shipped(sample, true, in);
    const Defects defects = legacy::known_defects(legacy::find_legacy("v2"), 1, true);
    CHECK(at::allclose(old, oracle_with(sample, true, in, defects), 1e-12, 1e-12));
    CHECK_FALSE(at::allclose(old, oracle_with(sample, true, in, {}), 1e-3, 1e-5));
    CHECK_FALSE(at::allclose(old, oracle_with(sample, true, in, {CyclicMultiset{}}), 1e-3, 1e-5));
  }
}

TEST_CASE(
    "v2 as shipped, not causal, is its oracle where r divides w, and elsewhere its oracle with the cyclic multiset") {
  const std::vector<bool> divides{true, true, false, false, false};
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const RankInputs in = inputs(samples[i].n);
    const at::Tensor old = shipped(samples[i], false, in);
    CHECK(at::allclose(old, oracle_with(samples[i], false, in, {CyclicMultiset{}}), 1e-12, 1e-12));
    CHECK(at::allclose(old, oracle_with(samples[i], false, in, {}), 1e-3, 1e-5) == divides[i]);
  }
}

TEST_CASE("where nothing is dilated v2 as shipped has no defect") {
  const Sample sample{24, {8, 12}, {1, 1}};
  const RankInputs in = inputs(24);
  CHECK(at::allclose(shipped(sample, true, in), oracle_with(sample, true, in, {}), 1e-12, 1e-12));
}

}  // namespace ringattn
