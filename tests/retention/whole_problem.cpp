#include "tests/retention/whole_problem.h"

#include "attention/device_stream.h"
#include "attention/inputs.h"
#include "measure/clock.h"
#include "measure/library_attention.h"
#include "measure/memory_meter.h"
#include "measure/price.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

constexpr std::int64_t kBlockRows = 64;

/// What the ranks of a world gave, in the order of positions, on the GPU.
struct Whole {
  at::Tensor out, lse;
  std::int64_t time_ns = 0, peak_bytes = 0, priced_bytes = 0;
};

Whole run(Attention& attention, RingAttention* ring, int ranks, const InputSource& inputs) {
  WorldOptions options;
  options.timeout = std::chrono::minutes(10);
  RankWorld world(ranks, std::move(options), at::kCUDA);
  const auto size = static_cast<std::size_t>(ranks);
  std::vector<RankInputs> own(size);
  std::vector<Partial> results(size);
  std::vector<std::int64_t> peak(size), priced(size), begin(size), end(size);
  world.world().run([&](Communicator& c) {
    const auto r = static_cast<std::size_t>(c.rank());
    own[r] = rank_inputs(attention, c.rank(), ranks, inputs, at::kBFloat16);
    if (ring != nullptr) priced[r] = price_peak(*ring, c.rank(), price_shape(own[r])).peak_bytes();
    wait_for_device(own[r].query.device());
    c.barrier();
    begin[r] = now_ns();
    const MemoryMeter meter(own[r].query.device());
    results[r] = attention.forward(c, own[r]);
    peak[r] = meter.use().peak_bytes;
    wait_for_device(own[r].query.device());
    end[r] = now_ns();
  });
  Whole whole;
  whole.time_ns = *std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end());
  whole.peak_bytes = *std::max_element(peak.begin(), peak.end());
  whole.priced_bytes = *std::max_element(priced.begin(), priced.end());
  std::vector<std::int64_t> sizes = own[0].query.sizes().vec();
  sizes[1] = inputs.seq_len();
  whole.out = at::empty(sizes, own[0].query.options());
  whole.lse = at::empty({sizes[0], sizes[2], sizes[1]}, results[0].lse.options());
  for (int rank = 0; rank < ranks; ++rank) {
    Partial& part = results[static_cast<std::size_t>(rank)];
    const at::Tensor index = at::tensor(expand(attention.query_positions(rank, ranks)), at::kLong).to(at::kCUDA);
    whole.out.index_copy_(1, index, part.out);
    whole.lse.index_copy_(2, index, part.lse);
    part = {};
  }
  return whole;
}

/// The largest over blocks of 64 rows, all heads alike, of rms(a - b) / rms(b).
double worst_block(const at::Tensor& a, const at::Tensor& b) {
  double worst = 0.0;
  for (std::int64_t first = 0; first < a.size(1); first += std::int64_t{1} << 16) {
    const std::int64_t rows = std::min(std::int64_t{1} << 16, a.size(1) - first) / kBlockRows * kBlockRows;
    const auto blocks = [&](const at::Tensor& t) {
      return t.narrow(1, first, rows).to(at::kFloat).view({rows / kBlockRows, kBlockRows, t.size(2), t.size(3)});
    };
    const at::Tensor want = blocks(b), off = blocks(a).sub_(want);
    const at::Tensor ratio = off.square().mean(at::IntArrayRef{1, 3}) / want.square().mean(at::IntArrayRef{1, 3});
    worst = std::max(worst, ratio.max().sqrt().item<double>());
  }
  return worst;
}

}  // namespace

Json compare_whole(std::int64_t seq_len, int ranks, bool is_causal) {
  const auto numbers = generated_inputs({.seed = 1, .batch = 1, .seq_len = seq_len, .heads = 16, .head_dim = 128});
  const auto inputs = inputs_on(*numbers, at::kCUDA);
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RingAttention ring(config, seq_len, 16, is_causal, ranks);
  LibraryAttention library(ring.function());
  const Whole split = run(ring, &ring, ranks, *inputs), one = run(library, nullptr, 1, *inputs);
  const double out_off = worst_block(split.out, one.out);
  const double lse_off = (split.lse - one.lse).abs().max().item<double>();
  // Both are rounded to bf16: by 2^-9 of a number at most, each.
  return {{"seq_len", seq_len},
          {"ranks", ranks},
          {"causal", is_causal},
          {"worst_block_rms_off", out_off},
          {"allowed_block_rms_off", 1.0 / 256.0},
          {"lse_off_max", lse_off},
          {"allowed_lse_off", 1e-3},
          {"equal", out_off <= 1.0 / 256.0 && lse_off <= 1e-3},
          {"time_ns", split.time_ns},
          {"peak_bytes_max", split.peak_bytes},
          {"priced_peak_bytes", split.priced_bytes},
          {"library_time_ns", one.time_ns},
          {"library_peak_bytes", one.peak_bytes}};
}

}  // namespace ringattn
