#include "ring/projected_ring.h"

#include "attention/oracle.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

// A module around the ring in both orders, split before projecting and after: the same numbers and the same rows
// moved; the old order pays for n rows on every rank.

namespace ringattn {
namespace {

constexpr std::int64_t kN = 96, kBatch = 2, kHeads = 4, kDim = 8, kEmbed = kHeads * kDim;

struct ModuleRun {
  at::Tensor out;  ///< (batch, n, heads, dim)
  std::vector<std::int64_t> peak_bytes;
  std::int64_t sent_bytes = 0;
};

ModuleRun run(RingAttention& ring, const Projection& layers, ProjectionOrder order, const RankInputs& x, int ranks) {
  ProjectedRing module(ring, fuse(layers), order);
  ModuleRun result{.out = at::full(x.query.sizes(), NAN), .peak_bytes = {}};
  result.peak_bytes.resize(static_cast<std::size_t>(ranks));
  World world(ranks, on_devices({}, testing::test_device().type()));
  std::mutex gather;
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const RankInputs own = testing::rank_inputs(x, module, rank, ranks);
    Partial part;
    {
      const MemoryMeter meter(own.query.device());
      part = module.forward(communicator, own);
      result.peak_bytes[static_cast<std::size_t>(rank)] = meter.use().peak_bytes;
    }
    CHECK_FALSE(part.lse.defined());
    const std::scoped_lock lock(gather);
    result.out.index_copy_(1, at::tensor(expand(module.query_positions(rank, ranks)), at::kLong), part.out.cpu());
  });
  for (int rank = 0; rank < ranks; ++rank) result.sent_bytes += world.traffic().sent_bytes(rank);
  return result;
}

}  // namespace

TEST_CASE("both orders are the module's oracle and move the same rows; the old one holds n rows of q, k and v") {
  const testing::NanMemory nan_memory;
  at::set_num_threads(1);
  RankInputs x;
  x.query = x.key = x.value = testing::full_inputs(kBatch, kN, kHeads, kDim, at::kFloat).query;
  const at::Tensor key_mask = at::arange(kN).remainder(5).gt(0).expand({kBatch, kN});
  const at::Tensor score_mask = (at::arange(kN).view({1, 1, kN, 1}) * 3 + at::arange(kN)).remainder(7).to(at::kFloat);
  for (const std::int64_t kv_heads : {4, 2}) {
    const ProjectionSizes sizes{.heads = kHeads, .head_dim = kDim, .kv_heads = kv_heads};
    const Projection layers = random_projection(sizes, 3);
    const Projection wide = layers.to(at::kDouble);
    const at::Tensor rows = x.query.flatten(-2).to(at::kDouble);
    for (const at::Tensor& mask : {at::Tensor(), key_mask, score_mask}) {
      for (const std::string layout : {"contiguous", "zigzag"}) {
        Problem problem{.seq_len = kN, .heads = kHeads, .is_causal = true, .kv_heads = kv_heads};
        if (mask.defined())
          problem.mask = {mask.dim() == 2 ? MaskKind::keys : MaskKind::scores, false, mask.dim() == 4};
        x.mask = mask;
        const RingAttentionConfig config = testing::ring_config("dense", "[96]", "[1]", layout);
        const OracleResult oracle = evaluate_oracle(
            resolve_function(config, problem), wide.project(InputTensor::query, rows),
            wide.project(InputTensor::key, rows), wide.project(InputTensor::value, rows), {.mask = mask});
        const at::Tensor expected = wide.project_out(oracle.out);
        for (const int ranks : {1, 2, 3, 4, 8}) {
          INFO(fmt::format("kv_heads={} {} k={} mask of {} dimensions", kv_heads, layout, ranks,
                           mask.defined() ? mask.dim() : 0));
          RingAttention ring(config, problem, ranks);
          const ModuleRun fresh = run(ring, layers, ProjectionOrder::split_first, x, ranks);
          const ModuleRun old = run(ring, layers, ProjectionOrder::project_first, x, ranks);
          CHECK(testing::worst_error(fresh.out, expected, 1e-5, 1e-5) <= 1.0);
          CHECK(testing::worst_error(old.out, expected, 1e-5, 1e-5) <= 1.0);
          CHECK(fresh.sent_bytes == old.sent_bytes);
          // One run of rows is a view of what was projected, so that nothing else differs.
          if (layout != "contiguous" || mask.defined()) continue;
          const std::int64_t row_bytes = kBatch * (kEmbed + 2 * sizes.key_width()) * 4;
          for (int rank = 0; rank < ranks; ++rank) {
            const auto r = static_cast<std::size_t>(rank);
            CHECK(old.peak_bytes[r] - fresh.peak_bytes[r] == (kN - ring.layout().local_rows(rank)) * row_bytes);
          }
        }
      }
    }
  }
}

}  // namespace ringattn
