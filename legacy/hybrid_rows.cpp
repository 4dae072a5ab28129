#include "legacy/hybrid_rows.h"

#include "legacy/raises.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace ringattn::legacy {
namespace {

ChunkResult nothing_for(const at::Tensor& query) {
  return {at::zeros_like(query), at::full({query.size(0), query.size(2), query.size(1)},
                                          -std::numeric_limits<double>::infinity(), query.options())};
}

/// A segment's rows and what it meets of a chunk.
struct Meeting {
  std::int64_t start = 0, rows = 0;
  const RingChunk& chunk;
  bool is_causal = false;
  std::int64_t chunk_rows() const { return chunk.inputs.key.size(1); }
};

void attend_undilated(ChunkResult& all, const FullInputs& heads, const Meeting& meeting) {
  const std::int64_t first = std::max(meeting.start, meeting.chunk.start);
  const std::int64_t end = std::min(meeting.start + meeting.rows, meeting.chunk.start + meeting.chunk_rows());
  if (first >= end) return;
  const auto keys = [&](const at::Tensor& chunk) { return chunk.narrow(1, first - meeting.chunk.start, end - first); };
  const at::Tensor visible = meeting.is_causal
                                 ? triangle(meeting.rows, end - first, meeting.start - first, heads.query.device())
                                 : at::Tensor();
  const ChunkResult part =
      attend_with_lse(heads.query.narrow(1, meeting.start, meeting.rows), keys(heads.key), keys(heads.value), visible);
  all.out.narrow(1, meeting.start, meeting.rows).copy_(part.out);
  all.lse.narrow(2, meeting.start, meeting.rows).copy_(part.lse);
}

void attend_dilated(ChunkResult& all, const FullInputs& heads, const PairPart& pair, const Meeting& meeting,
                    const HybridOrders& orders) {
  at::Tensor rows = strided_index(pair.offset(), meeting.rows, pair.dilation_rate, heads.query.device());
  if (orders.queries && rows.numel() > 1) rows = rows.index({orders.queries(rows.numel())});
  rows = rows + meeting.start;
  const std::int64_t first = meeting.chunk.start;
  const std::int64_t end = first + meeting.chunk_rows();
  if (!rows.ge(first).logical_and(rows.lt(end)).any().item<bool>()) return;
  FullInputs piece{heads.query.index_select(1, rows), heads.key, heads.value};
  if (orders.keys) {
    const at::Tensor order = orders.keys(meeting.chunk_rows()).remainder(meeting.chunk_rows());
    piece.key = piece.key.index_select(1, order);
    piece.value = piece.value.index_select(1, order);
  }
  const at::Tensor visible = meeting.is_causal ? visible_by_position(rows, at::arange(first, end)) : at::Tensor();
  const ChunkResult part = attend_with_lse(piece.query, piece.key, piece.value, visible);
  all.out.index_copy_(1, rows, part.out);
  all.lse.index_copy_(2, rows, part.lse);
}

ChunkResult attend_chunk(const RingChunk& chunk, const std::vector<PairPart>& parts, bool is_causal,
                         const HybridOrders& orders) {
  const std::int64_t n = chunk.inputs.seq_len();
  ChunkResult all = nothing_for(chunk.inputs.query);
  for (const PairPart& pair : parts) {
    if (pair.heads.count == 0) continue;
    const FullInputs heads = heads_of(chunk.inputs, pair.heads);
    ChunkResult own{all.out.narrow(2, pair.heads.first, pair.heads.count),
                    all.lse.narrow(1, pair.heads.first, pair.heads.count)};
    for (std::int64_t start = 0; start < n; start += pair.segment_length) {
      const Meeting meeting{start, std::min(pair.segment_length, n - start), chunk, is_causal};
      if (pair.dilation_rate == 1) attend_undilated(own, heads, meeting);
      if (pair.dilation_rate > 1) attend_dilated(own, heads, pair, meeting, orders);
    }
  }
  return all;
}

std::vector<PairPart> parts_of(const FullInputs& inputs, const ReleasedArguments& arguments) {
  return pair_parts(pairs_of(arguments), inputs.heads(), GroupRule::first_larger);
}

}  // namespace

void require_patterns(const ReleasedArguments& arguments) {
  python_assert(arguments.segment_lengths.size() == arguments.dilation_rates.size());
  if (!option<bool>(arguments.constructor, "precompute_patterns", true)) return;
  for (const Pair& pair : pairs_of(arguments)) {
    if (pair.dilation_rate > 1)
      strided_index(pair.dilation_rate - 1, pair.segment_length, pair.dilation_rate, at::kCPU);
  }
}

at::Tensor hybrid_one_process(const FullInputs& inputs, const ReleasedArguments& arguments) {
  if (!arguments.is_patched) {
    throw LegacyRaises("RuntimeError",
                       "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed "
                       "a driver from http://www.nvidia.com/Download/index.aspx");
  }
  const Mixer mixer = attention_mixer(arguments.is_causal);
  return by_head_group(inputs, parts_of(inputs, arguments), [&](const PairPart& pair, const FullInputs& heads) {
    at::Tensor out = at::zeros_like(heads.query);
    for (std::int64_t start = 0; start < heads.seq_len(); start += pair.segment_length) {
      if (arguments.is_causal && start > 0) {
        throw LegacyRaises("AttributeError", "'NoneType' object has no attribute 'dtype'");
      }
      const std::int64_t rows = std::min(pair.segment_length, heads.seq_len() - start);
      const at::Tensor slots = at::arange(0, rows, pair.dilation_rate);
      const at::Tensor index = (slots + pair.offset()).remainder(rows) + start;
      out.index_copy_(1, index, mixer(rows_of(heads, index)));
    }
    return out;
  });
}

at::Tensor hybrid_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                       const HybridOrders& orders) {
  const std::vector<PairPart> parts = parts_of(inputs, arguments);
  LseAccumulator sum;
  key_value_ring(communicator, inputs, arguments, ring_size_or_world(arguments, communicator),
                 [&](const RingChunk& chunk) { sum.add(attend_chunk(chunk, parts, arguments.is_causal, orders)); });
  return sum.out();
}

at::Tensor hybrid_forward(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                          const HybridOrders& orders) {
  if (ring_size_when_distributed(arguments, communicator) == 1) return hybrid_one_process(inputs, arguments);
  return hybrid_ring(communicator, inputs, arguments, orders);
}

}  // namespace ringattn::legacy
