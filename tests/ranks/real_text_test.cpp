#include "attention/oracle.h"
#include "attention/safetensors.h"
#include "compare/numeric.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

// Queries, keys and values of a trained text encoder: logits up to 78, rows of nearly no entropy.

namespace ringattn {
namespace {

const std::vector<std::string> kLayers{"layer0", "layer5"};

struct Recording {
  RankInputs inputs;
  Partial dense;
};

Recording recording(const std::string& layer) {
  const SafetensorsFile file(std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/real-text/" + layer + ".safetensors");
  return {{file.tensor("query"), file.tensor("key"), file.tensor("value")}, {file.tensor("out"), file.tensor("lse")}};
}

/// The logic tier without a yardstick: its absolute limits alone.
void check_pattern(const RingAttentionConfig& config) {
  for (const std::string& layer : kLayers) {
    const RankInputs inputs = recording(layer).inputs;
    const InputMagnitude magnitude = input_magnitude(inputs.query, inputs.key, inputs.value);
    for (const bool is_causal : {false, true}) {
      const OracleResult oracle =
          evaluate_oracle(resolve_function(config, 512, 12, is_causal), inputs.query, inputs.key, inputs.value);
      for (const int ranks : {1, 2, 3, 5, 8}) {
        INFO(fmt::format("{} {} causal={} k={}", layer, describe(config.pattern), is_causal, ranks));
        const testing::RingRun run = testing::run_ring(config, inputs, is_causal, ranks);
        CHECK(run.has_lse == oracle.lse.defined());
        const Partial result{run.out, run.has_lse ? run.lse : at::Tensor()};
        const NumericVerdict verdict = judge_against_oracle(result, {oracle.out, oracle.lse}, {.inputs = magnitude});
        CHECK_MESSAGE(verdict.passed, verdict.reason);
      }
    }
  }
}

/// Power-of-two lengths, so that every curve exists.
RingAttentionConfig named(const std::string& pattern) {
  return testing::ring_config(pattern, "[128, 256, 512]", "[1, 2, 4]");
}

template <typename Change>
RingAttentionConfig changed(PatternName from, Change change) {
  RingAttentionConfig config = named("dilated");
  PatternAxes axes = axes_of(from);
  change(axes);
  config.pattern = {.name = PatternName::custom, .axes = axes};
  return config;
}

}  // namespace

TEST_CASE("real text: the dense result equals the recorded output and logsumexp at every rank count") {
  for (const std::string& layer : kLayers) {
    const Recording recorded = recording(layer);
    for (const int ranks : {1, 2, 3, 5, 8}) {
      INFO(fmt::format("{} k={}", layer, ranks));
      const testing::RingRun run =
          testing::run_ring(testing::ring_config("dense", "[512]", "[1]"), recorded.inputs, false, ranks);
      CHECK(testing::worst_error(run.out, recorded.dense.out, 1e-5, 1e-5) <= 1.0);
      CHECK(testing::worst_error(run.lse, recorded.dense.lse, 1e-5, 1.3e-6) <= 1.0);
    }
  }
}

TEST_CASE("real text: dense, dilated and dilated_keys pass the logic tier at every rank count") {
  for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) check_pattern(named(pattern));
}

TEST_CASE("real text: strided_keys, residue and longnet pass the logic tier at every rank count") {
  for (const std::string pattern : {"strided_keys", "residue", "longnet"}) check_pattern(named(pattern));
}

TEST_CASE("real text: curve orders pass the logic tier at every rank count") {
  check_pattern(changed(PatternName::dilated_keys, [](PatternAxes& axes) { axes.order = OrderRule::hilbert; }));
  check_pattern(changed(PatternName::residue, [](PatternAxes& axes) { axes.order = OrderRule::snake; }));
  check_pattern(changed(PatternName::dilated_keys, [](PatternAxes& axes) {
    axes.heads = HeadRule::drop, axes.offset = OffsetRule::zero, axes.order = OrderRule::turned;
    axes.tail = TailRule::shortened;
  }));
}

TEST_CASE("real text: spans and means of pairs pass the logic tier at every rank count") {
  check_pattern(changed(PatternName::dilated_keys, [](PatternAxes& axes) {
    axes.placement = Placement::spans, axes.heads = HeadRule::all, axes.tail = TailRule::shortened;
  }));
  check_pattern(changed(PatternName::longnet, [](PatternAxes& axes) { axes.join = JoinRule::mean; }));
  check_pattern(changed(PatternName::longnet, [](PatternAxes& axes) {
    axes.placement = Placement::first, axes.join = JoinRule::mean, axes.order = OrderRule::hilbert;
  }));
}

}  // namespace ringattn
