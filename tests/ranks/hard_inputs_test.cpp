#include "attention/inputs.h"
#include "attention/oracle.h"
#include "compare/numeric.h"
#include "compare/reference.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

// Inputs that are there to hurt: logits of ±80 and ±30000, ties, numbers below the smallest normal one. The verdicts
// are the design's own (5.6), with the direct library kernel as the yardstick.

namespace ringattn {
namespace {

constexpr std::int64_t kN = 160, kHeads = 4, kDim = 16, kBatch = 2;

const RingAttentionConfig& config_of(const std::string& pattern) {
  static const RingAttentionConfig dense = testing::ring_config("dense", "[160]", "[1]");
  static const RingAttentionConfig dilated = testing::ring_config("dilated", "[32, 70, 160]", "[1, 2, 3]");
  static const RingAttentionConfig dilated_keys = testing::ring_config("dilated_keys", "[32, 70, 160]", "[1, 2, 3]");
  return pattern == "dense" ? dense : pattern == "dilated" ? dilated : dilated_keys;
}

RankInputs all_rows(const InputSource& source, at::ScalarType dtype) {
  const Positions all{{.first = 0, .count = kN, .step = 1}};
  return {source.rows(InputTensor::query, all, dtype), source.rows(InputTensor::key, all, dtype),
          source.rows(InputTensor::value, all, dtype)};
}

std::unique_ptr<InputSource> hard_inputs(InputDistribution distribution) {
  return generated_inputs(
      {.seed = 17, .batch = kBatch, .seq_len = kN, .heads = kHeads, .head_dim = kDim, .distribution = distribution});
}

/// Every k passes the tier of the type, and fp64 results of any two k differ by rounding alone.
void check_case(const std::string& pattern, bool is_causal, at::ScalarType dtype, const RankInputs& full,
                ReferenceBook& references) {
  const RingAttentionConfig& config = config_of(pattern);
  const Reference& reference = references.of(resolve_function(config, kN, kHeads, is_causal), dtype);
  Partial alone;
  for (const int ranks : {1, 3, 8}) {
    INFO(fmt::format("{} causal={} {} k={}", pattern, is_causal, c10::toString(dtype), ranks));
    const testing::RingRun run = testing::run_ring(config, full, is_causal, ranks);
    const NumericVerdict verdict = judge_against_oracle({run.out, run.lse}, reference.oracle,
                                                        {.baseline = reference.library,
                                                         .single_key_rows = reference.single_key_rows,
                                                         .inputs = reference.magnitude,
                                                         .sensitivity = reference.sensitivity});
    CHECK_MESSAGE(verdict.passed, verdict.reason);
    if (ranks == 1) alone = {run.out, run.lse};
    if (dtype != at::kDouble) continue;
    CHECK(testing::worst_error(run.out, alone.out, 1e-12, 1e-12) <= 1.0);
    CHECK(testing::worst_error(run.lse, alone.lse, 1e-12, 1e-12) <= 1.0);
  }
}

void check_distribution(InputDistribution distribution) {
  at::set_num_threads(1);
  const testing::NanMemory nan_memory;
  const std::unique_ptr<InputSource> source = hard_inputs(distribution);
  ReferenceBook references(*source, {});
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const RankInputs full = all_rows(*source, dtype);
    for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) {
      for (const bool is_causal : {false, true}) check_case(pattern, is_causal, dtype, full, references);
    }
  }
}

}  // namespace

TEST_CASE("large logits pass the tiers at every rank count") { check_distribution(InputDistribution::large_logits); }
TEST_CASE("constant rows pass the tiers at every rank count") { check_distribution(InputDistribution::constant_rows); }
TEST_CASE("near ties pass the tiers at every rank count") { check_distribution(InputDistribution::near_ties); }
TEST_CASE("denormals pass the tiers at every rank count") { check_distribution(InputDistribution::denormals); }
TEST_CASE("one huge key passes the tiers at every rank count") { check_distribution(InputDistribution::one_huge_key); }

TEST_CASE("denormal values are averaged, not flushed to zero") {
  // The tiers' absolute floor of 1e-5 says nothing about values of 1e-39.
  at::set_num_threads(1);
  const std::unique_ptr<InputSource> source = hard_inputs(InputDistribution::denormals);
  ReferenceBook references(*source, {});
  const RankInputs full = all_rows(*source, at::kFloat);
  for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) {
    const RingAttentionConfig& config = config_of(pattern);
    const Reference& reference = references.of(resolve_function(config, kN, kHeads, true), at::kFloat);
    const double own = (reference.library.out.to(at::kDouble) - reference.oracle.out).abs().max().item<double>();
    for (const int ranks : {1, 3, 8}) {
      INFO(pattern, " k=", ranks);
      const at::Tensor out = testing::run_ring(config, full, true, ranks).out.to(at::kDouble);
      const double worst = (out - reference.oracle.out).abs().max().item<double>();
      CHECK(worst <= 2.0 * own + 64 * 1.4e-45);  // some roundings to a multiple of the smallest denormal
      CHECK(worst <= 1e-41);
    }
  }
}

TEST_CASE("the row of the huge key is what those who attend it return, where its score is the highest") {
  at::set_num_threads(1);
  const std::unique_ptr<InputSource> source = hard_inputs(InputDistribution::one_huge_key);
  const RankInputs full = all_rows(*source, at::kFloat);
  const at::Tensor value = full.value.select(1, kN / 2);                                          // (batch, heads, dim)
  const at::Tensor score = (full.query * full.key.select(1, kN / 2).unsqueeze(1)).sum(-1) / 4.0;  // √dim = 4
  const at::Tensor saturated = score.gt(100.0);  // all other scores stay below 30
  REQUIRE(saturated.any().item<bool>());
  for (const int ranks : {1, 3, 8}) {
    const at::Tensor out = testing::run_ring(config_of("dense"), full, false, ranks).out;
    const at::Tensor want = value.unsqueeze(1).expand_as(out);
    const at::Tensor error = at::where(saturated.unsqueeze(-1), (out - want).abs(), at::zeros_like(out));
    CHECK(error.max().item<double>() <= 1e-6);
  }
}

TEST_CASE("keys that a large finite number hides change nothing for the rows that see another key") {
  // Left padding as models write it. Rows that see nothing but such keys are left out: s - 1e9 has lost s in fp32.
  at::set_num_threads(1);
  constexpr std::int64_t padded = 45;
  const std::unique_ptr<InputSource> source = hard_inputs(InputDistribution::normal);
  RankInputs full = all_rows(*source, at::kFloat);
  full.mask = at::zeros({1, kN}, at::kFloat);
  Problem problem{.seq_len = kN, .heads = kHeads, .is_causal = true};
  problem.mask = {MaskKind::keys, false, true};
  for (const double hidden : {-1e4, -1e9, static_cast<double>(std::numeric_limits<float>::lowest())}) {
    full.mask.narrow(1, 0, padded).fill_(hidden);
    for (const std::string pattern : {"dense", "dilated_keys"}) {
      const RingAttentionConfig& config = config_of(pattern);
      const AttentionFunction function = resolve_function(config, problem);
      const OracleResult oracle = evaluate_oracle(function, full.query, full.key, full.value, {.mask = full.mask});
      const at::Tensor sees = oracle.lse.gt(-100.0);  // (batch, heads, n)
      REQUIRE(sees.any().item<bool>());
      for (const int ranks : {1, 3, 8}) {
        INFO(pattern, " hidden by ", hidden, " k=", ranks);
        const testing::RingRun run = testing::run_ring(config, full, problem, ranks);
        const at::Tensor rows = sees.transpose(1, 2).unsqueeze(-1);
        CHECK(testing::worst_error(run.out.masked_select(rows), oracle.out.masked_select(rows), 1e-5, 1.3e-6) <= 1.0);
        CHECK(testing::worst_error(run.lse.masked_select(sees), oracle.lse.masked_select(sees), 1e-5, 1.3e-6) <= 1.0);
        CHECK(at::isfinite(run.out).all().item<bool>());
      }
    }
  }
}

}  // namespace ringattn
