#include "compare/records.h"
#include "measure/backward_price.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "tests/ranks/backward_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>

// What a training step holds on a rank: rows of its shard alone.

namespace ringattn {
namespace {

constexpr std::int64_t kSeqLen = 1680, kHeads = 2, kDim = 16;  // rows divisible by 3 … 8

/// Bytes of one tensor of the rank's rows, fp32.
std::int64_t tensor_bytes(int ranks) { return kSeqLen / ranks * kHeads * kDim * 4; }
std::int64_t lse_bytes(int ranks) { return kSeqLen / ranks * kHeads * 4; }

std::int64_t backward_kernel_bytes(RingAttention& attention, RankWorld& world, const PriceShape& shape) {
  std::vector<std::int64_t> bytes(static_cast<std::size_t>(world.size()));
  world.world().run([&](Communicator& communicator) {
    bytes[static_cast<std::size_t>(communicator.rank())] =
        price_backward_peak(attention, communicator.rank(), shape).kernel_bytes;
  });
  return *std::max_element(bytes.begin(), bytes.end());
}

}  // namespace

TEST_CASE("dense forward and backward: peak and traffic are the price, the peak is rows of the shard alone") {
  const std::unique_ptr<InputSource> inputs = generated_inputs(
      {.seed = 3, .batch = 1, .seq_len = kSeqLen, .heads = kHeads, .head_dim = kDim, .kv_heads = kHeads});
  for (const int ranks : {2, 3, 4, 5, 6, 7, 8}) {
    CAPTURE(ranks);
    const RingAttentionConfig config = testing::ring_config("dense", "[1680]", "[1]", "contiguous");
    RingAttention attention(config, kSeqLen, kHeads, false, ranks);
    RankWorld world(ranks);
    const PriceShape shape = price_shape(*inputs, at::kFloat);
    const MeteredRun run = meter(world.world(), attention, *inputs, at::kFloat, Pass::both);
    const PriceRecord price = price_record(attention, world, shape, Pass::both);
    // out and lse; dq, dk and dv; lse as kernels want it; K, V and their derivatives in as many buffers, and those
    // that arrive.
    const std::int64_t received = 2 * tensor_bytes(ranks), buffers = std::min(2, ranks - 1);
    const std::int64_t rows_bytes = tensor_bytes(ranks) + lse_bytes(ranks) + 3 * tensor_bytes(ranks) +
                                    lse_bytes(ranks) + (2 * buffers + 1) * received;
    CHECK(price.peak_bytes_max == rows_bytes + backward_kernel_bytes(attention, world, shape));
    std::int64_t sent = 0;
    for (const RankCost& rank : run.measurement.ranks) {
      CHECK(rank.peak_bytes == price.peak_bytes_max);
      sent += rank.sent_bytes;
    }
    // K and V twice, in forward and backward, and their derivatives, which make the last hop home besides.
    CHECK(sent == price.sent_bytes_total);
    CHECK(sent == ranks * (2 * (ranks - 1) + (ranks - 1)) * received);
  }
}

TEST_CASE("backward allocates nothing of n rows") {
  constexpr std::int64_t n = 4096, heads = 2, dim = 64;
  const RankInputs full = testing::full_inputs(1, n, heads, dim, at::kFloat);
  const at::Tensor grad_out = testing::full_inputs(1, n, heads, dim, at::kFloat, 8).query;
  const std::int64_t all_rows = n * heads * dim * 4;  // of one tensor
  for (const bool is_causal : {false, true}) {
    const testing::BackwardRun run =
        testing::run_backward(testing::ring_config("dense", "[4096]", "[1]"), full, grad_out,
                              {.seq_len = n, .heads = heads, .is_causal = is_causal}, 8);
    for (std::size_t rank = 0; rank < 8; ++rank) {
      CHECK(run.memory[rank].largest_bytes <= all_rows / 4);  // K and V of a shard
      CHECK(run.malloc_largest_bytes[rank] <= all_rows / 2);
    }
  }
}

}  // namespace ringattn
