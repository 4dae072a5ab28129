#include "legacy/segment_hybrid.h"

#include "legacy/autograd.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

namespace ringattn::legacy {
namespace {

SegmentPart part_of(const RingChunk& chunk, const PairPart& pair, std::int64_t number) {
  const std::int64_t n = chunk.inputs.query.size(1);
  SegmentPart part{.pair = pair, .inputs = heads_of(chunk.inputs, pair.heads), .number = number};
  part.start = number * pair.segment_length;
  part.length = std::min(pair.segment_length, n - part.start);
  part.chunk_start = chunk.start;
  part.overlap_start = std::max(part.start, chunk.start);
  const std::int64_t end = std::min(part.start + part.length, chunk.start + chunk.inputs.key.size(1));
  part.overlap_rows = std::max<std::int64_t>(0, end - part.overlap_start);
  return part;
}

/// Of slots with the same row the last, as rows were written one after the other.
at::Tensor last_of_each(const at::Tensor& rows) {
  std::vector<std::int64_t> slots;
  std::set<std::int64_t> seen;
  for (std::int64_t slot = rows.numel() - 1; slot >= 0; --slot) {
    if (seen.insert(rows[slot].item<std::int64_t>()).second) slots.push_back(slot);
  }
  return at::tensor(slots, at::kLong).to(rows.device());
}

void place(const ChunkResult& all, const HeadGroup& heads, const SegmentResult& result) {
  if (!result.queries.defined()) return;
  at::Tensor queries = result.queries;
  ChunkResult chunk = result.chunk;
  if (is_recorded(chunk.out)) {  // index_copy_ would give the row's gradient to each of its slots
    const at::Tensor slots = last_of_each(queries);
    queries = queries.index_select(0, slots);
    chunk = {chunk.out.index_select(1, slots), chunk.lse.index_select(2, slots)};
  }
  all.out.narrow(2, heads.first, heads.count).index_copy_(1, queries, chunk.out);
  all.lse.narrow(1, heads.first, heads.count).index_copy_(2, queries, chunk.lse);
}

}  // namespace

at::Tensor SegmentPart::chunk_rows_of(const at::Tensor& positions) const {
  const at::Tensor inside =
      positions.ge(overlap_start).logical_and_(positions.lt(overlap_start + overlap_rows)).nonzero().squeeze(1);
  return positions.index_select(0, inside) - chunk_start;
}

FullInputs SegmentPart::piece(const at::Tensor& queries, const at::Tensor& keys) const {
  return {inputs.query.index_select(1, queries), inputs.key.index_select(1, keys), inputs.value.index_select(1, keys)};
}

at::Tensor SegmentPart::all_queries() const { return positions_from(start, length, inputs.query.device()); }

at::Tensor SegmentPart::all_keys() const {
  return positions_from(overlap_start - chunk_start, overlap_rows, inputs.query.device());
}

ChunkResult attend_segments(const RingChunk& chunk, const std::vector<Pair>& pairs, const SegmentAttention& attention) {
  const at::Tensor& query = chunk.inputs.query;
  ChunkResult all{at::zeros_like(query), at::full({query.size(0), query.size(2), query.size(1)},
                                                  -std::numeric_limits<double>::infinity(), query.options())};
  for (const PairPart& pair : pair_parts(pairs, query.size(2), GroupRule::first_larger)) {
    if (pair.heads.count == 0) continue;
    for (std::int64_t number = 0; number * pair.segment_length < query.size(1); ++number) {
      place(all, pair.heads, attention(part_of(chunk, pair, number)));
    }
  }
  return all;
}

at::Tensor attend_segments_in_ring(Communicator& communicator, const FullInputs& inputs,
                                   const ReleasedArguments& arguments, std::int64_t ring_size,
                                   const SegmentAttention& attention) {
  const std::vector<Pair> pairs = pairs_of(arguments);
  if (ring_size == 1) return attend_segments({inputs, 0, 0}, pairs, attention).out;
  LseAccumulator merged;
  key_value_ring(communicator, inputs, arguments, ring_size,
                 [&](const RingChunk& chunk) { merged.add(attend_segments(chunk, pairs, attention)); });
  return merged.out();
}

at::Tensor wrapped_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device) {
  return (strided_index(0, length, r, device) + offset).remainder(length);
}

}  // namespace ringattn::legacy
