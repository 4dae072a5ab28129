#include "attention/attends.h"
#include "attention/oracle.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

// The result does not depend on the number of ranks, and each run spends exactly its price. One test case a length, so
// that they run side by side.

namespace ringattn {
namespace {

struct Bound {
  at::ScalarType dtype;
  double out, lse;
};
const Bound kBounds[] = {{at::kFloat, 1e-5, 1e-5}, {at::kDouble, 1e-12, 1e-12}, {at::kBFloat16, 2e-2, 1e-3}};

/// `largest` rows' worth of bytes: no single allocation of a rank may exceed 4·L rows of K and V plus a fixed megabyte.
std::int64_t allocation_limit(const RankInputs& full, int ranks) {
  const std::int64_t rows = (full.query.size(1) + ranks - 1) / ranks;
  return 4 * 2 * rows * full.query.size(0) * full.query.size(2) * full.query.size(3) * 8 + (1 << 20);
}

void check_run(const testing::RingRun& run, const RankInputs& full, const OracleResult& oracle, const Bound& bound,
               int ranks) {
  CHECK(testing::worst_error(run.out, oracle.out, bound.out, bound.out) <= 1.0);
  CHECK(testing::worst_error(run.lse, oracle.lse, bound.lse, bound.lse) <= 1.0);
  for (int rank = 0; rank < ranks; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    CHECK(run.memory[r].peak_bytes == run.priced_peak_bytes[r]);
    // On a GPU fp64 is the reference's, which makes scores.
    const bool makes_scores = !testing::test_device().is_cpu() && full.query.scalar_type() == at::kDouble;
    if (!makes_scores) CHECK(run.memory[r].largest_bytes <= allocation_limit(full, ranks));
    CHECK(run.malloc_largest_bytes[r] <= allocation_limit(full, ranks));
    CHECK(run.traffic.sent_bytes(rank) == run.cost[r].sent_bytes);
    CHECK(run.traffic.received_bytes(rank) == run.cost[r].received_bytes);
    CHECK(run.traffic.messages(rank) == run.cost[r].messages);
  }
}

void check_length(std::int64_t n, std::int64_t batch, std::int64_t heads, std::int64_t dim) {
  const testing::NanMemory nan_memory;
  for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) {
    for (const bool is_causal : {false, true}) {
      for (const Bound& bound : kBounds) {
        const RankInputs full = testing::full_inputs(batch, n, heads, dim, bound.dtype);
        RingAttentionConfig config = testing::ring_config(pattern, "[300, 700, 1500]", "[1, 2, 3]");
        const OracleResult oracle =
            evaluate_oracle(resolve_function(config, n, heads, is_causal), full.query, full.key, full.value);
        for (const int ranks : {1, 2, 3, 4, 8}) {
          INFO(fmt::format("{} n={} causal={} {} k={}", pattern, n, is_causal, c10::toString(bound.dtype), ranks));
          check_run(testing::run_ring(config, full, is_causal, ranks), full, oracle, bound, ranks);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("n = 1: every rank count gives the oracle's result at its price") { check_length(1, 2, 5, 16); }
TEST_CASE("n = 7: every rank count gives the oracle's result at its price") { check_length(7, 2, 5, 16); }
TEST_CASE("n = 1000: every rank count gives the oracle's result at its price") { check_length(1000, 2, 4, 8); }
TEST_CASE("n = 4096: every rank count gives the oracle's result at its price") { check_length(4096, 1, 3, 8); }

TEST_CASE("both layouts give the oracle's result for every named pattern") {
  const testing::NanMemory nan_memory;
  const Bound& bound = kBounds[0];
  const RankInputs full = testing::full_inputs(2, 203, 5, 8, bound.dtype);
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet"}) {
    for (const std::string layout : {"contiguous", "zigzag"}) {
      for (const bool is_causal : {false, true}) {
        const RingAttentionConfig config = testing::ring_config(pattern, "[30, 70, 150]", "[1, 2, 3]", layout);
        const OracleResult oracle =
            evaluate_oracle(resolve_function(config, 203, 5, is_causal), full.query, full.key, full.value);
        for (const int ranks : {1, 2, 3, 8}) {
          INFO(fmt::format("{} {} causal={} k={}", pattern, layout, is_causal, ranks));
          check_run(testing::run_ring(config, full, is_causal, ranks), full, oracle, bound, ranks);
        }
      }
    }
  }
}

TEST_CASE("posting the next hop late gives the same bits as posting it early") {
  const RankInputs full = testing::full_inputs(1, 96, 2, 8, at::kFloat);
  RingAttentionConfig config = testing::ring_config("dense", "[96]", "[1]");
  const testing::RingRun early = testing::run_ring(config, full, true, 4);
  config.overlap_communication = false;
  const testing::RingRun late = testing::run_ring(config, full, true, 4);
  CHECK(at::equal(early.out, late.out));
  CHECK(at::equal(early.lse, late.lse));
}

TEST_CASE("inputs of any strides give the same bits") {
  const RankInputs full = testing::full_inputs(2, 40, 3, 8, at::kFloat);
  const RingAttentionConfig config = testing::ring_config("dilated_keys", "[16, 40]", "[1, 3]", "contiguous");
  spawn_ranks(2, [&](Communicator& communicator) {
    at::set_num_threads(1);
    RingAttention attention(config, 40, 3, true, 2);
    const RankInputs rows = testing::rank_inputs(full, attention, communicator.rank(), 2);
    // (batch, dim, heads, rows) in memory.
    const auto turned = [](const at::Tensor& tensor) { return tensor.transpose(1, 3).contiguous().transpose(1, 3); };
    const Partial plain = attention.forward(communicator, rows);
    const Partial strided =
        attention.forward(communicator, {turned(rows.query), turned(rows.key), turned(rows.value), {}});
    CHECK(at::equal(plain.out, strided.out));
    CHECK(at::equal(plain.lse, strided.lse));
  });
}

TEST_CASE("the reference backend and the library kernel agree") {
  const RankInputs full = testing::full_inputs(1, 600, 3, 8, at::kFloat);
  for (const bool is_causal : {false, true}) {
    RingAttentionConfig config = testing::ring_config("dilated_keys", "[200, 600]", "[1, 3]");
    const testing::RingRun library = testing::run_ring(config, full, is_causal, 3);
    config.backend = Backend::reference;
    const testing::RingRun reference = testing::run_ring(config, full, is_causal, 3);
    CHECK(testing::worst_error(reference.out, library.out, 1e-5, 1e-5) <= 1.0);
    CHECK(testing::worst_error(reference.lse, library.lse, 1e-5, 1e-5) <= 1.0);
  }
}

TEST_CASE("a NaN in one key row reaches the rows that attend it and no others") {
  RankInputs full = testing::full_inputs(1, 64, 3, 4, at::kFloat);
  const RingAttentionConfig config = testing::ring_config("dilated_keys", "[16, 32, 64]", "[1, 2, 4]");
  const std::int64_t poisoned = 20;
  full.key.select(1, poisoned).fill_(NAN);
  const AttentionFunction function = resolve_function(config, 64, 3, true);
  const testing::RingRun run = testing::run_ring(config, full, true, 4);
  for (std::int64_t head = 0; head < 3; ++head) {
    for (std::int64_t row = 0; row < 64; ++row) {
      bool attended = false;
      for (std::int64_t pair = 0; pair < 3; ++pair) attended = attended || attends(function, pair, head, row, poisoned);
      CHECK(at::isnan(run.out[0][row][head]).any().item<bool>() == attended);
    }
  }
}

}  // namespace ringattn
