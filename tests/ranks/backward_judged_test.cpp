#include "compare/gradient_judge.h"
#include "compare/reference.h"
#include "compare/validate_gradients.h"
#include "config/problem.h"
#include "measure/assemble.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

// The ring's backward before the judge of `compare --backward`: dq, dk and dv in the tiers of DESIGN 5.6 against the
// oracle's analytic gradients, at every number of ranks.

namespace ringattn {
namespace {

constexpr std::int64_t kSeqLen = 170;

struct Setting {
  std::string name;
  RingAttentionConfig config{};
  Problem problem{};
  std::string mask = "none";
};

Setting setting(const std::string& name, PatternName pattern, bool is_causal) {
  Setting made{.name = name + (is_causal ? " causal" : "")};
  made.config.pattern.name = pattern;
  made.config.segment_lengths = {48, 100};
  made.config.dilation_rates = {1, 3};
  made.problem = {.seq_len = kSeqLen, .heads = 4, .is_causal = is_causal};
  return made;
}

/// Patterns, causal or not, and with one extra each.
std::vector<Setting> settings() {
  std::vector<Setting> list;
  struct Named {
    std::string name;
    PatternName pattern;
  };
  for (const Named& named :
       {Named{"dense", PatternName::dense}, Named{"dilated", PatternName::dilated},
        Named{"dilated_keys", PatternName::dilated_keys}, Named{"longnet", PatternName::longnet}}) {
    for (const bool is_causal : {false, true}) list.push_back(setting(named.name, named.pattern, is_causal));
    const auto with = [&](const std::string& what) -> Setting& {
      list.push_back(setting(named.name, named.pattern, true));
      list.back().name += " " + what;
      return list.back();
    };
    with("grouped").problem.kv_heads = 2;
    with("window").problem.window = {40, 0};
    with("documents").problem.documents = {0, 30, 101, kSeqLen};
    with("masked").mask = "padding";
    Setting& dropping = with("dropout");
    dropping.config.dropout = 0.2;
    dropping.problem.is_training = true;
    dropping.problem.dropout_seed = 3;
  }
  return list;
}

std::unique_ptr<InputSource> inputs_of(const Setting& setting,
                                       InputDistribution distribution = InputDistribution::normal) {
  return generated_inputs({.seed = 5,
                           .batch = 2,
                           .seq_len = kSeqLen,
                           .heads = setting.problem.heads,
                           .head_dim = 32,
                           .distribution = distribution,
                           .kv_heads = setting.problem.kv_heads,
                           .mask = setting.mask});
}

/// Judges backward at these numbers of ranks; `sparse`: grad_out is 0 in all but those rows.
void check(const Setting& chosen, const InputSource& inputs, at::ScalarType dtype, const std::vector<int>& ranks_list,
           const std::vector<std::int64_t>& sparse = {}) {
  Problem problem = chosen.problem;
  problem.mask = inputs.mask_shape();
  ReferenceBook references(inputs, sparse);
  const std::unique_ptr<InputSource> chosen_rows = with_grad_out_of(inputs, sparse);
  for (const int ranks : ranks_list) {
    INFO(chosen.name);
    CAPTURE(ranks);
    RingAttention attention(chosen.config, problem, ranks);
    RankWorld world(ranks);
    const MeteredRun run = meter(world.world(), attention, sparse.empty() ? inputs : *chosen_rows, dtype, Pass::both);
    const GradientReference& expected = references.gradients_of(attention.function(), dtype);
    const NumericVerdict verdict =
        judge_gradients(references.judged(assemble(attention, run.gradients)), expected.oracle, context_of(expected));
    CHECK_MESSAGE(verdict.passed, verdict.reason);
    CHECK(verdict.tensors.size() == 3);
  }
}

}  // namespace

TEST_CASE("backward in the logic tier, each pattern with each extra, any number of ranks") {
  for (const Setting& one : settings()) check(one, *inputs_of(one), at::kFloat, {1, 2, 3, 4, 8});
}

TEST_CASE("backward in fp64 and in the precision tier") {
  for (const Setting& one : settings()) {
    check(one, *inputs_of(one), at::kDouble, {1, 3});
    check(one, *inputs_of(one), at::kBFloat16, {1, 3});
  }
}

TEST_CASE("backward on numbers that are hard on arithmetic") {
  for (const InputDistribution distribution :
       {InputDistribution::large_logits, InputDistribution::constant_rows, InputDistribution::near_ties,
        InputDistribution::denormals, InputDistribution::one_huge_key}) {
    for (const bool is_causal : {false, true}) {
      const Setting one = setting(std::string(to_string(distribution)), PatternName::dense, is_causal);
      check(one, *inputs_of(one, distribution), at::kFloat, {1, 2, 8});
    }
  }
}

TEST_CASE("backward of few rows in low precision, where the rounding of out is the larger part of the error") {
  for (const std::int64_t rows : {7, 20}) {
    for (const bool is_causal : {false, true}) {
      Setting one = setting(fmt::format("{} rows", rows), PatternName::dense, is_causal);
      one.problem.seq_len = rows;
      for (const std::uint64_t seed : {1, 2, 3, 4, 5, 42}) {
        CAPTURE(seed);
        const std::unique_ptr<InputSource> inputs =
            generated_inputs({.seed = seed, .batch = 2, .seq_len = rows, .heads = 4, .head_dim = 16, .kv_heads = 4});
        for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) check(one, *inputs, dtype, {2, 3, 8});
      }
    }
  }
}

TEST_CASE("where grad_out is that of chosen rows, all of dk and dv is judged by those rows alone") {
  const Setting one = setting("dense", PatternName::dense, true);
  check(one, *inputs_of(one), at::kFloat, {1, 4}, {0, 3, 84, 85, 169});
}

TEST_CASE("validate_gradients of the ring: the oracle and finite differences, on several ranks") {
  for (const Setting& one : settings()) {
    const std::unique_ptr<InputSource> inputs = inputs_of(one);
    Problem problem = one.problem;
    problem.mask = inputs->mask_shape();
    RingAttention attention(one.config, problem, 3);
    RankWorld world(3);
    const GradientValidation found = validate_gradients(world.world(), attention, *inputs, {.directions = 1});
    INFO(one.name);
    CHECK_MESSAGE(found.passed(), to_string(found));
  }
}

}  // namespace ringattn
