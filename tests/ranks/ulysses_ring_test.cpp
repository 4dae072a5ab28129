#include "attention/oracle_gradient.h"
#include "config/error.h"
#include "measure/ulysses_price.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

// Ranks in two dimensions: heads across the inner groups, the sequence round the outer rings.

namespace ringattn {
namespace {

constexpr std::int64_t kRows = 61, kHeads = 12, kDim = 8, kBatch = 2;

struct UlyssesCase {
  std::string name;
  RingAttentionConfig config;
  Problem problem;
  RankInputs full;
  at::Tensor grad_out;
};

UlyssesCase make_case(const std::string& pattern, const std::string& what, at::ScalarType dtype) {
  UlyssesCase c{.name = pattern + " " + what,
                .config = testing::ring_config(pattern, "[20, 50, 61]", "[1, 3, 2]"),
                .problem = {.seq_len = kRows, .heads = kHeads},
                .full = {},
                .grad_out = testing::full_inputs(kBatch, kRows, kHeads, kDim, dtype, 9).query};
  if (what == "causal") c.problem.is_causal = true;
  if (what == "two key heads") c.problem.kv_heads = 2;
  if (what == "six key heads") c.problem.kv_heads = 6;
  if (what == "documents") c.problem.documents = {0, 7, 33, kRows};
  if (what == "dropout") {
    c.config.dropout = 0.3;
    c.problem.is_training = true;
    c.problem.dropout_seed = 5;
  }
  c.full = testing::full_inputs(kBatch, kRows, kHeads, kDim, dtype, 7, c.problem.kv_heads);
  const at::Tensor score = (at::arange(kRows).view({1, 1, kRows, 1}) * 3 + at::arange(kRows) * 5 +
                            at::arange(kHeads).view({1, kHeads, 1, 1}));
  if (what == "mask of keys") {
    c.problem.mask = {.kind = MaskKind::keys};
    c.full.mask = (at::arange(kRows) + at::arange(kBatch).view({kBatch, 1})).remainder(5).gt(0);
  }
  if (what == "mask of scores") {
    c.problem.mask = {.kind = MaskKind::scores};
    c.full.mask = score.narrow(1, 0, 1).remainder(7).gt(1);
  }
  if (what == "mask of scores per head") {
    c.problem.mask = {.kind = MaskKind::scores, .is_per_head = true, .is_additive = true};
    c.full.mask = at::where(score.remainder(7).gt(1), score.remainder(3).to(at::kFloat), -INFINITY);
  }
  return c;
}

struct UlyssesRun {
  at::Tensor out;
  Gradients gradients;
};

/// Forward and backward on all ranks, each checked against its price.
UlyssesRun run(const UlyssesCase& c, int ranks, int inner) {
  UlyssesRing attention(c.config, c.problem, ranks, inner);
  const auto nan_like = [](const at::Tensor& tensor) { return at::full(tensor.sizes(), NAN, tensor.options()); };
  UlyssesRun run{nan_like(c.full.query), {nan_like(c.full.query), nan_like(c.full.key), nan_like(c.full.value)}};
  const auto size = static_cast<std::size_t>(ranks);
  std::vector<RankInputs> inputs(size);
  std::vector<Partial> results(size);
  std::mutex gather;
  World world(ranks);
  const auto index_of = [&](int rank) { return at::tensor(expand(attention.query_positions(rank, ranks)), at::kLong); };
  const auto check = [&](int rank, const MemoryUse& use, const UlyssesPrice& price) {
    CHECK(use.peak_bytes == price.peak_bytes);
    (void)rank;
  };
  std::vector<UlyssesPrice> prices(size);
  const auto check_traffic = [&] {
    const Traffic traffic = world.traffic();
    for (int rank = 0; rank < ranks; ++rank) {
      CHECK(traffic.sent_bytes(rank) == prices[static_cast<std::size_t>(rank)].sent_bytes);
      CHECK(traffic.messages(rank) == prices[static_cast<std::size_t>(rank)].messages);
    }
    world.reset_traffic();
  };
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const auto r = static_cast<std::size_t>(rank);
    inputs[r] = testing::rank_inputs(c.full, attention, rank, ranks);
    prices[r] = price_ulysses(attention, rank, price_shape(inputs[r]));
    {
      const MemoryMeter meter;
      results[r] = attention.forward(communicator, inputs[r]);
      check(rank, meter.use(), prices[r]);
    }
    const std::scoped_lock lock(gather);
    run.out.index_copy_(1, index_of(rank), results[r].out);
  });
  check_traffic();
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const auto r = static_cast<std::size_t>(rank);
    const at::Tensor dout = c.grad_out.index_select(1, index_of(rank));
    prices[r] = price_ulysses_backward(attention, rank, price_shape(inputs[r]));
    Gradients part;
    {
      const MemoryMeter meter;
      part = attention.backward(communicator, inputs[r], results[r], dout);
      check(rank, meter.use(), prices[r]);
    }
    const std::scoped_lock lock(gather);
    run.gradients.query.index_copy_(1, index_of(rank), part.query);
    run.gradients.key.index_copy_(1, index_of(rank), part.key);
    run.gradients.value.index_copy_(1, index_of(rank), part.value);
  });
  check_traffic();
  return run;
}

void check_case(const UlyssesCase& c, double bound, const std::vector<std::pair<int, int>>& dimensions) {
  const AttentionFunction function = resolve_function(c.config, c.problem);
  const OracleResult forward = evaluate_oracle(function, c.full.query, c.full.key, c.full.value, {.mask = c.full.mask});
  const OracleGradient backward =
      evaluate_oracle_gradient(function, c.full.query, c.full.key, c.full.value, c.grad_out, {.mask = c.full.mask});
  for (const std::pair<int, int>& dimension : dimensions) {
    const int ranks = dimension.first, inner = dimension.second;
    CAPTURE(c.name);
    CAPTURE(ranks);
    CAPTURE(inner);
    const UlyssesRun got = run(c, ranks, inner);
    CHECK(testing::worst_error(got.out, forward.out, bound, bound) <= 1.0);
    CHECK(testing::worst_error(got.gradients.query, backward.query, bound, bound) <= 1.0);
    CHECK(testing::worst_error(got.gradients.key, backward.key, bound, bound) <= 1.0);
    CHECK(testing::worst_error(got.gradients.value, backward.value, bound, bound) <= 1.0);
  }
}

}  // namespace

TEST_CASE("heads across inner groups and rows round outer rings give the oracle's numbers at the price") {
  for (const char* pattern : {"dense", "dilated", "dilated_keys", "longnet"}) {
    for (const char* what : {"plain", "causal", "documents", "mask of keys", "mask of scores", "dropout"})
      check_case(make_case(pattern, what, at::kDouble), 1e-12, {{1, 1}, {2, 2}, {3, 3}, {4, 2}, {8, 4}});
  }
}

TEST_CASE("the same with shared key heads and masks by head") {
  for (const char* pattern : {"dense", "dilated"}) {
    check_case(make_case(pattern, "two key heads", at::kDouble), 1e-12, {{2, 2}, {4, 4}, {8, 4}});
    check_case(make_case(pattern, "six key heads", at::kDouble), 1e-12, {{3, 3}, {6, 3}, {8, 2}});
    check_case(make_case(pattern, "mask of scores per head", at::kDouble), 1e-12, {{4, 2}, {3, 3}});
  }
}

TEST_CASE("the same in fp32 and bf16") {
  check_case(make_case("dilated", "causal", at::kFloat), 2e-5, {{4, 2}, {8, 2}});
  check_case(make_case("dilated", "causal", at::kBFloat16), 3e-2, {{4, 2}, {8, 2}});
  check_case(make_case("dense", "plain", at::kBFloat16), 3e-2, {{2, 2}, {4, 2}});
}

TEST_CASE("sizes that don't go together are refused") {
  const auto refusal = [](int ranks, int inner, std::int64_t heads, std::int64_t kv_heads) {
    try {
      UlyssesRing(testing::ring_config("dense", "[8]", "[1]"), {.seq_len = 8, .heads = heads, .kv_heads = kv_heads},
                  ranks, inner);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  CHECK(refusal(4, 3, 12, 0) == "sequence_parallel_size: 3 must divide the 4 ranks of a ring");
  CHECK(refusal(4, 4, 6, 0) == "sequence_parallel_size: 4 must divide the 6 heads");
  CHECK(refusal(3, 3, 12, 2) == "sequence_parallel_size: 3 must divide the 2 key heads, or be a multiple of them");
  CHECK(refusal(4, 4, 12, 2) == "nothing");
}

}  // namespace ringattn
