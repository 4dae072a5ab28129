#include "legacy/hilbert_spans.h"

#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/undivided.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace ringattn::legacy {

std::vector<SpanPart> span_parts(const std::vector<Pair>& pairs, const ChunkPlaces& places) {
  std::vector<SpanPart> parts;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < pairs.size() && begin < places.seq_len; ++i) {
    const std::int64_t end = std::min(begin + pairs[i].segment_length, places.seq_len);
    const auto first_in = [&](std::int64_t start) { return std::max<std::int64_t>(0, begin - start); };
    const auto end_in = [&](std::int64_t start) { return std::min(places.rows, end - start); };
    SpanPart part{.span = static_cast<std::int64_t>(i), .dilation_rate = pairs[i].dilation_rate};
    part.query_first = first_in(places.query_start);
    part.query_rows = end_in(places.query_start) - part.query_first;
    part.key_first = first_in(places.key_start);
    part.key_rows = end_in(places.key_start) - part.key_first;
    part.query_position = places.query_start + part.query_first;
    part.key_position = places.key_start + part.key_first;
    if (part.query_rows > 0 && part.key_rows > 0) parts.push_back(part);
    begin = end;
  }
  return parts;
}

ChunkResult attend_spans(const FullInputs& chunk, const ChunkPlaces& places, const std::vector<Pair>& pairs,
                         const SpanAttention& attention) {
  UndividedSum sum(chunk.query);
  for (const SpanPart& part : span_parts(pairs, places)) {
    const FullInputs piece{chunk.query.narrow(1, part.query_first, part.query_rows),
                           chunk.key.narrow(1, part.key_first, part.key_rows),
                           chunk.value.narrow(1, part.key_first, part.key_rows)};
    sum.add(attention(piece, part), part.query_first);
  }
  return sum.result();
}

ChunkResult by_residue(const FullInputs& piece, std::int64_t r, const ResidueAttention& attention) {
  const at::Tensor& query = piece.query;
  ChunkResult all{at::zeros_like(query), at::full({query.size(0), query.size(2), query.size(1)},
                                                  -std::numeric_limits<double>::infinity(), query.options())};
  for (std::int64_t offset = 0; offset < r; ++offset) {
    const at::Tensor queries = strided_index(offset, query.size(1), r, query.device());
    const at::Tensor keys = strided_index(offset, piece.key.size(1), r, query.device());
    if (queries.numel() == 0 || keys.numel() == 0) continue;
    const ChunkResult part = attention(
        {query.index_select(1, queries), piece.key.index_select(1, keys), piece.value.index_select(1, keys)}, offset);
    all.out.index_copy_(1, queries, part.out);
    all.lse.index_copy_(2, queries, part.lse);
  }
  return all;
}

ChunkResult attend_at(const FullInputs& piece, std::int64_t query_position, std::int64_t key_position, bool is_causal) {
  const at::Tensor& query = piece.query;
  const at::Tensor visible =
      is_causal ? triangle(query.size(1), piece.key.size(1), query_position - key_position, query.device())
                : at::Tensor();
  return attend_with_lse(query, piece.key, piece.value, visible);
}

LocalRows local_rows(const Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                     std::int64_t heads, bool is_split) {
  const std::int64_t ranks = communicator.world_size();
  at::Tensor x = inputs.tensor("x");
  if (arguments.is_presplit) x = own_rows(communicator, x);
  std::int64_t seq_len = option<std::int64_t>(arguments.call, "total_seq_len", x.size(1) * ranks);
  if (is_split && ranks > 1 && !option<bool>(arguments.call, "already_split", false)) {
    seq_len = x.size(1);
    python_assert(seq_len % ranks == 0);
    x = own_rows(communicator, x);
  }
  return {project_fused(inputs, x, heads), seq_len};
}

void require_contiguous_pass(const at::Tensor& key, const ReleasedArguments& arguments) {
  const at::Tensor buffer = at::empty_like(key.transpose(1, 2).clone());
  if (arguments.is_patched || buffer.is_contiguous()) return;
  throw LegacyRaises("RuntimeError", "input tensor has to be contiguous");
}

at::Tensor ring_of_spans(Communicator& communicator, const LocalRows& local, const ReleasedArguments& arguments,
                         const std::vector<Pair>& pairs, const SpanAttention& attention) {
  const std::int64_t rows = local.projected.seq_len();
  UndividedSum sum(local.projected.query);
  ring_pass(communicator, {local.projected.key, local.projected.value}, {}, [&](const RingStep& step) {
    const ChunkPlaces places{rows, communicator.rank() * rows, step.source * rows, local.seq_len};
    sum.add(attend_spans({local.projected.query, step.tensors[0], step.tensors[1]}, places, pairs, attention));
    if (step.step == 0 && communicator.world_size() > 1) require_contiguous_pass(local.projected.key, arguments);
  });
  return sum.result().out;
}

}  // namespace ringattn::legacy
