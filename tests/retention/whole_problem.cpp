#include "tests/retention/whole_problem.h"

#include "attention/device_stream.h"
#include "measure/clock.h"
#include "measure/library_attention.h"
#include "measure/memory_meter.h"
#include "measure/price.h"
#include "measure/rank_world.h"
#include "measure/rehearsal.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"
#include "tests/retention/drawn_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
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

Whole run(Attention& attention, RingAttention* ring, int ranks, const DrawnInputs& all) {
  WorldOptions options;
  options.timeout = std::chrono::minutes(10);
  RankWorld world(ranks, std::move(options), at::kCUDA);
  const auto size = static_cast<std::size_t>(ranks);
  std::vector<RankInputs> own(size);
  std::vector<Partial> results(size);
  std::vector<std::int64_t> peak(size), priced(size), begin(size), end(size);
  world.world().run([&](Communicator& c) {
    const auto r = static_cast<std::size_t>(c.rank());
    own[r] = rank_inputs(attention, c.rank(), ranks, all, at::kBFloat16);
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
  sizes[1] = all.seq_len();
  whole.out = at::empty(sizes, all.all(InputTensor::query).options());
  whole.lse = at::empty({sizes[0], sizes[2], sizes[1]}, whole.out.options().dtype(at::kFloat));
  for (int rank = 0; rank < ranks; ++rank) {
    Partial& part = results[static_cast<std::size_t>(rank)];
    const at::Device device = whole.out.device();
    const at::Tensor index = at::tensor(expand(attention.query_positions(rank, ranks)), at::kLong).to(device);
    whole.out.index_copy_(1, index, part.out.to(device));
    whole.lse.index_copy_(2, index, part.lse.to(device));
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

/// Rows of the first and last 16 of the stretches that `count` / 32 ranks would have.
at::Tensor sampled_rows(std::int64_t seq_len, std::int64_t count, const at::Device& device) {
  std::vector<std::int64_t> rows;
  const std::int64_t stretches = count / 32, each = seq_len / stretches;
  for (std::int64_t s = 0; s < stretches; ++s) {
    for (std::int64_t i = 0; i < 16; ++i) rows.push_back(s * each + i);
    for (std::int64_t i = 0; i < 16; ++i) rows.push_back((s + 1) * each - 16 + i);
  }
  return at::tensor(rows, at::kLong).to(device);
}

/// Some rows by the definition, densely, in fp64, one head after another: out (heads, rows, dim), lse (heads, rows).
Partial by_definition(const DrawnInputs& all, const at::Tensor& rows, bool is_causal) {
  const std::int64_t heads = all.heads(), dim = all.head_dim(), n = all.seq_len();
  const at::TensorOptions wide = all.all(InputTensor::query).options().dtype(at::kDouble);
  Partial result{at::empty({heads, rows.size(0), dim}, wide), at::empty({heads, rows.size(0)}, wide)};
  const at::Tensor later = at::arange(n, rows.options()).unsqueeze(0) > rows.unsqueeze(1);
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto of_head = [&](const at::Tensor& tensor) { return tensor.select(0, 0).select(1, head).to(at::kDouble); };
    const at::Tensor query =
        all.all(InputTensor::query).select(0, 0).select(1, head).index_select(0, rows).to(at::kDouble);
    at::Tensor scores =
        at::matmul(query, of_head(all.all(InputTensor::key)).t()).mul_(1.0 / std::sqrt(static_cast<double>(dim)));
    if (is_causal) scores.masked_fill_(later, -std::numeric_limits<double>::infinity());
    result.lse.select(0, head).copy_(at::logsumexp(scores, 1));
    result.out.select(0, head).copy_(at::matmul(at::softmax(scores, 1), of_head(all.all(InputTensor::value))));
  }
  return result;
}

/// How far the sampled rows are off: the worst rms of a head's 64 rows, over the definition's rms; and of lse.
struct RowsOff {
  double rms = 0.0, lse = 0.0;
};
RowsOff rows_off(const Whole& whole, const at::Tensor& rows, const Partial& want) {
  const at::Tensor out = whole.out.select(0, 0).index_select(0, rows).transpose(0, 1).to(at::kDouble);
  const auto blocks = [&](const at::Tensor& t) { return t.reshape({t.size(0), -1, kBlockRows * t.size(2)}); };
  const at::Tensor off = blocks(out - want.out).square().mean(2), all = blocks(want.out).square().mean(2);
  const at::Tensor lse = whole.lse.select(0, 0).index_select(1, rows).to(at::kDouble);
  return {(off / all).max().sqrt().item<double>(), (lse - want.lse).abs().max().item<double>()};
}

}  // namespace

Json compare_whole(std::int64_t seq_len, int ranks, bool is_causal) {
  const DrawnInputs all(seq_len, 16, 128, /*has_grad_out=*/false);
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RingAttention ring(config, seq_len, 16, is_causal, ranks);
  LibraryAttention library(ring.function());
  const Whole split = run(ring, &ring, ranks, all), one = run(library, nullptr, 1, all);
  const double out_off = worst_block(split.out, one.out);
  const double lse_off = (split.lse - one.lse).abs().max().item<double>();
  constexpr std::int64_t kSampled = 256;
  const at::Tensor rows = sampled_rows(seq_len, kSampled, split.out.device());
  const Partial want = by_definition(all, rows, is_causal);
  const RowsOff split_off = rows_off(split, rows, want), one_off = rows_off(one, rows, want);
  const double allowed = std::max(2.0 * one_off.rms, 1.0 / 512.0);
  // One rank of them on its own.
  Rehearsal rehearsal(ring, 0, ranks, all, at::kBFloat16, {});
  rehearsal.prepare(std::int64_t{40} << 30);
  const std::int64_t rehearsed_ns = std::min(rehearsal.time().time_ns, rehearsal.time().time_ns);
  // What the precision tier allows against the definition, the ring may be off from the one call, too.
  return {{"seq_len", seq_len},
          {"ranks", ranks},
          {"causal", is_causal},
          {"worst_block_rms_off", out_off},
          {"allowed_block_rms_off", allowed},
          {"lse_off_max", lse_off},
          {"allowed_lse_off", 1e-3},
          {"equal", out_off <= allowed && lse_off <= 1e-3},
          {"oracle_rows", kSampled},
          {"oracle_block_rms_off", split_off.rms},
          {"library_oracle_block_rms_off", one_off.rms},
          {"allowed_oracle_block_rms_off", allowed},
          {"oracle_lse_off_max", split_off.lse},
          {"right", split_off.rms <= allowed && split_off.lse <= 1e-3},
          {"time_ns", split.time_ns},
          {"rehearsed_rank", 0},
          {"rehearsed_ns", rehearsed_ns},
          {"peak_bytes_max", split.peak_bytes},
          {"priced_peak_bytes", split.priced_bytes},
          {"library_time_ns", one.time_ns},
          {"library_peak_bytes", one.peak_bytes}};
}

}  // namespace ringattn
