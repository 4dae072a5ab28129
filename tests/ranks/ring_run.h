#pragma once

#include "attention/stream_mover.h"
#include "comm/world.h"
#include "measure/memory_meter.h"
#include "measure/price.h"
#include "ring/ring_attention.h"
#include "tests/support/malloc_watch.h"
#include "tests/support/rank_inputs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>
#include <vector>

namespace ringattn::testing {

/// What one run of a ring on all ranks gave and cost.
struct RingRun {
  at::Tensor out;  ///< (batch, n, heads, dim)
  at::Tensor lse;  ///< (batch, heads, n)
  bool has_lse = true;
  std::vector<MemoryUse> memory;
  std::vector<std::int64_t> malloc_largest_bytes;
  std::vector<std::int64_t> priced_peak_bytes;
  std::vector<Cost> cost;
  Traffic traffic;
};

/// Runs the attention on as many rank threads as it was planned for. Each rank's rows lie among NaN rows, and
/// uninitialised memory of LibTorch is NaN while a test holds NanMemory, so that whoever reads what is not there is
/// found out.
inline RingRun run_ring(RingAttention& attention, const RankInputs& full, WorldOptions options = {}) {
  const int ranks = attention.layout().world_size;
  const std::int64_t batch = full.query.size(0), n = full.query.size(1), heads = full.query.size(2);
  const at::ScalarType dtype = full.query.scalar_type();
  const auto size = static_cast<std::size_t>(ranks);
  RingRun run{.out = at::full(full.query.sizes(), NAN, full.query.options()),
              .lse = at::full({batch, heads, n}, NAN,
                              full.query.options().dtype(dtype == at::kDouble ? at::kDouble : at::kFloat)),
              .memory = std::vector<MemoryUse>(size),
              .malloc_largest_bytes = std::vector<std::int64_t>(size),
              .priced_peak_bytes = std::vector<std::int64_t>(size),
              .cost = std::vector<Cost>(size),
              .traffic = {}};
  World world(ranks, on_devices(std::move(options), test_device().type()));
  std::mutex gather;
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const auto r = static_cast<std::size_t>(rank);
    const RankInputs own = rank_inputs(full, attention, rank, ranks);
    run.priced_peak_bytes[r] = price_peak(attention, rank, price_shape(own)).peak_bytes();
    run.cost[r] = cost_of(attention.plan(rank), cost_shape(price_shape(own), attention.function()));
    Partial part;
    {
      const MemoryMeter meter(own.query.device());
      const MallocWatch watch;
      part = attention.forward(communicator, own);
      // What the driver takes from malloc at its first use is none of the ring's.
      if (own.query.is_cpu()) run.malloc_largest_bytes[r] = watch.use().largest_bytes;
      run.memory[r] = meter.use();
    }
    part = {part.out.cpu(), part.lse.defined() ? part.lse.cpu() : at::Tensor()};
    const at::Tensor index = at::tensor(expand(attention.query_positions(rank, ranks)), at::kLong);
    const std::scoped_lock lock(gather);
    run.out.index_copy_(1, index, part.out);
    if (part.lse.defined())
      run.lse.index_copy_(2, index, part.lse);
    else
      run.has_lse = false;
  });
  run.traffic = world.traffic();
  return run;
}

inline RingRun run_ring(const RingAttentionConfig& config, const RankInputs& full, const Problem& problem, int ranks,
                        WorldOptions options = {}) {
  RingAttention attention(config, problem, ranks);
  return run_ring(attention, full, std::move(options));
}

inline RingRun run_ring(const RingAttentionConfig& config, const RankInputs& full, bool is_causal, int ranks,
                        WorldOptions options = {}) {
  return run_ring(config, full, {.seq_len = full.query.size(1), .heads = full.query.size(2), .is_causal = is_causal},
                  ranks, std::move(options));
}

/// While it lives, at::empty fills its memory with NaN.
class NanMemory {
 public:
  NanMemory() {
    at::globalContext().setDeterministicAlgorithms(true, true);
    at::globalContext().setDeterministicFillUninitializedMemory(true);
  }
  ~NanMemory() { at::globalContext().setDeterministicAlgorithms(false, false); }
  NanMemory(const NanMemory&) = delete;
  NanMemory& operator=(const NanMemory&) = delete;
};

/// max |got - want| / (absolute + relative·|want|); equal infinities have error 0, NaN against anything else a huge
/// one.
inline double worst_error(const at::Tensor& got, const at::Tensor& want, double absolute, double relative) {
  const at::Tensor g = got.to(at::kDouble), w = want.to(at::kDouble);
  const at::Tensor ratio = at::where(g == w, at::zeros_like(w), (g - w).abs() / (absolute + relative * w.abs()));
  return ratio.numel() == 0 ? 0.0 : at::nan_to_num(ratio, 1e30, 1e30, 1e30).max().item<double>();
}

inline RingAttentionConfig ring_config(const std::string& pattern, const std::string& lengths, const std::string& rates,
                                       const std::string& layout = "auto") {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", lengths, "test");
  set_field(config, "dilation_rates", rates, "test");
  set_field(config, "pattern", pattern, "test");
  set_field(config, "layout", layout, "test");
  return config;
}

}  // namespace ringattn::testing
