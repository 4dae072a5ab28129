#include "compare/gradient_judge.h"
#include "compare/reference.h"
#include "compare/validate_gradients.h"
#include "measure/assemble.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

// Derivatives at queries, keys and values of a trained text encoder: logits up to 78, rows of nearly no entropy.

namespace ringattn {
namespace {

constexpr std::int64_t kSeqLen = 512, kHeads = 12;

std::vector<std::unique_ptr<InputSource>> layers() {
  std::vector<std::unique_ptr<InputSource>> list;
  for (const char* layer : {"layer0", "layer5"})
    list.push_back(
        file_inputs(fmt::format("{}/tests/golden/real-text/{}.safetensors", RINGATTN_SOURCE_DIR, layer), "none", 11));
  return list;
}

RingAttentionConfig named(const std::string& pattern) {
  return testing::ring_config(pattern, "[128, 256, 512]", "[1, 2, 4]");
}

/// The logic tier. Its yardstick is needed: queries and keys that look alike make logits of terms of one sign, in whose
/// sums more is rounded than the rows' sensitivity says.
void check_pattern(const std::string& pattern) {
  for (const std::unique_ptr<InputSource>& inputs : layers()) {
    ReferenceBook references(*inputs, {});
    for (const bool is_causal : {false, true}) {
      for (const int ranks : {1, 2, 3, 4, 8}) {
        INFO(fmt::format("{} causal={} k={}", pattern, is_causal, ranks));
        RingAttention attention(named(pattern), kSeqLen, kHeads, is_causal, ranks);
        RankWorld world(ranks);
        const MeteredRun run = meter(world.world(), attention, *inputs, at::kFloat, Pass::both);
        const GradientReference& expected = references.gradients_of(attention.function(), at::kFloat);
        const NumericVerdict verdict =
            judge_gradients(assemble(attention, run.gradients), expected.oracle, context_of(expected));
        CHECK_MESSAGE(verdict.passed, verdict.reason);
      }
    }
  }
}

}  // namespace

TEST_CASE("real text: gradients of dense, dilated and dilated_keys pass the logic tier at every rank count") {
  for (const char* pattern : {"dense", "dilated", "dilated_keys"}) check_pattern(pattern);
}

TEST_CASE("real text: gradients of strided_keys, residue and longnet pass the logic tier at every rank count") {
  for (const char* pattern : {"strided_keys", "residue", "longnet"}) check_pattern(pattern);
}

TEST_CASE("real text: gradients are those of the fp64 oracle to 1e-12, and of finite differences, on several ranks") {
  for (const std::unique_ptr<InputSource>& inputs : layers()) {
    for (const char* pattern : {"dense", "dilated_keys", "longnet"}) {
      INFO(std::string(pattern));
      RingAttention attention(named(pattern), kSeqLen, kHeads, true, 3);
      RankWorld world(3);
      const GradientValidation found = validate_gradients(world.world(), attention, *inputs, {.directions = 1});
      CHECK_MESSAGE(found.passed(), to_string(found));
    }
  }
}

}  // namespace ringattn
