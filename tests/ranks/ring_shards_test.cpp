#include "attention/oracle.h"
#include "config/error.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

// Shards of any sizes: exact, each rank at its price, and no rank holds more than its own shard and two of its peers'.

namespace ringattn {
namespace {

using Shards = std::vector<std::int64_t>;

/// Four shards' rows of K and V, the largest there is, in fp64, plus a fixed megabyte.
std::int64_t allocation_limit(const RankInputs& full, const Shards& shards) {
  const std::int64_t rows = *std::max_element(shards.begin(), shards.end());
  return 4 * 2 * rows * full.query.size(0) * full.query.size(2) * full.query.size(3) * 8 + (1 << 20);
}

void check_shards(const RingAttentionConfig& config, const RankInputs& full, const Problem& problem,
                  const OracleResult& oracle, const Shards& shards) {
  RingAttention attention(config, problem, shards);
  INFO(fmt::format("shards {} {} causal={}", fmt::join(shards, ", "), to_string(config.pattern.name),
                   problem.is_causal));
  const testing::RingRun run = testing::run_ring(attention, full);
  CHECK(testing::worst_error(run.out, oracle.out, 1e-5, 1e-5) <= 1.0);
  CHECK(testing::worst_error(run.lse, oracle.lse, 1e-5, 1e-5) <= 1.0);
  for (std::size_t r = 0; r < shards.size(); ++r) {
    const auto rank = static_cast<int>(r);
    CHECK(attention.plan(rank).rows == shards[r]);
    CHECK(run.memory[r].peak_bytes == run.priced_peak_bytes[r]);
    CHECK(run.memory[r].largest_bytes <= allocation_limit(full, shards));
    CHECK(run.traffic.sent_bytes(rank) == run.cost[r].sent_bytes);
    CHECK(run.traffic.received_bytes(rank) == run.cost[r].received_bytes);
    CHECK(run.traffic.messages(rank) == run.cost[r].messages);
  }
}

/// Sizes of k shards of n rows: whole at either end, one row and none between, and a slope.
std::vector<Shards> awkward_shards(std::int64_t n, int k) {
  const auto size = static_cast<std::size_t>(k);
  std::vector<Shards> all;
  all.emplace_back(size, 0).front() = n;
  all.emplace_back(size, 0).back() = n;
  if (k < 2) return all;
  Shards steep(size, 0), mixed(size, 0);
  std::int64_t left = n;
  for (std::size_t r = 0; r + 1 < size; ++r) left -= steep[r] = left / 2;
  steep.back() = left;
  for (std::size_t r = 0; r < size; r += 2) mixed[r] = 1;
  mixed[1] = 0;
  mixed.back() += n - (k + 1) / 2;
  all.push_back(steep);
  all.push_back(mixed);
  return all;
}

RingAttentionConfig config_of(const std::string& pattern) {
  return testing::ring_config(pattern, "[30, 70, 150]", "[1, 2, 3]");
}

}  // namespace

TEST_CASE("1, 0, 777 and 3 rows") {
  const testing::NanMemory nan_memory;
  const RankInputs full = testing::full_inputs(1, 781, 3, 8, at::kFloat);
  for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) {
    for (const bool is_causal : {false, true}) {
      const RingAttentionConfig config = config_of(pattern);
      const Problem problem{.seq_len = 781, .heads = 3, .is_causal = is_causal};
      const OracleResult oracle = evaluate_oracle(resolve_function(config, problem), full.query, full.key, full.value);
      check_shards(config, full, problem, oracle, {1, 0, 777, 3});
    }
  }
}

TEST_CASE("every rank count and awkward split gives the oracle's result at its price") {
  const testing::NanMemory nan_memory;
  const RankInputs full = testing::full_inputs(2, 103, 4, 8, at::kFloat);
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet"}) {
    for (const bool is_causal : {false, true}) {
      const RingAttentionConfig config = config_of(pattern);
      const Problem problem{.seq_len = 103, .heads = 4, .is_causal = is_causal};
      const OracleResult oracle = evaluate_oracle(resolve_function(config, problem), full.query, full.key, full.value);
      for (const int ranks : {1, 2, 3, 4, 8}) {
        for (const Shards& shards : awkward_shards(103, ranks)) check_shards(config, full, problem, oracle, shards);
      }
    }
  }
}

TEST_CASE("masks, windows, documents and shared key heads follow the shards") {
  const testing::NanMemory nan_memory;
  RankInputs full = testing::full_inputs(2, 103, 4, 8, at::kFloat, 5, 2);
  const at::Tensor key_mask = at::arange(103).remainder(5).gt(0).expand({2, 103});
  const at::Tensor score_mask =
      (at::arange(103).view({1, 1, 103, 1}) * 3 + at::arange(103)).remainder(7).to(at::kFloat);
  for (const at::Tensor& mask : {at::Tensor(), key_mask, score_mask}) {
    for (const std::string pattern : {"dense", "dilated_keys"}) {
      for (const bool is_causal : {false, true}) {
        Problem problem{.seq_len = 103, .heads = 4, .is_causal = is_causal, .kv_heads = 2};
        problem.window = {40, 25};
        problem.documents = {0, 11, 60, 103};
        if (mask.defined())
          problem.mask = {mask.dim() == 2 ? MaskKind::keys : MaskKind::scores, false, mask.dim() == 4};
        full.mask = mask;
        const RingAttentionConfig config = config_of(pattern);
        const OracleResult oracle =
            evaluate_oracle(resolve_function(config, problem), full.query, full.key, full.value, {.mask = mask});
        for (const int ranks : {2, 4, 8}) {
          for (const Shards& shards : awkward_shards(103, ranks)) check_shards(config, full, problem, oracle, shards);
        }
      }
    }
  }
}

TEST_CASE("the number of shards is the number of ranks, and other layouts deal their own") {
  const Problem problem{.seq_len = 8, .heads = 1};
  CHECK_THROWS_WITH_AS(RingAttention(testing::ring_config("dense", "[8]", "[1]"), problem, Shards{3, 4}),
                       "shard_rows: 3, 4 have 7 rows in all, but the sequence has 8", UsageError);
  CHECK_THROWS_WITH_AS(RingAttention(testing::ring_config("dense", "[8]", "[1]", "zigzag"), problem, Shards{4, 4}),
                       "layout: zigzag deals rows by a rule of its own; shards of given sizes need contiguous",
                       UsageError);
}

}  // namespace ringattn
