#include "legacy/hybrid_rows.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/segment_hybrid.h"

#include <ATen/ATen.h>

// RingDilatedAttentionHybridOptimized (@c905f2b): heads and positions are in the wrong places for the attention that it
// calls, so that each position attends over the heads of its group. Segments matter for r > 1 only.

namespace ringattn::legacy {
namespace {

/// ⌊length/r⌋ rows offset, offset + r, …: as many as whole strides fit.
at::Tensor whole_strides(const PairPart& pair, std::int64_t length, at::Device device) {
  return strided_index(pair.offset(), length, pair.dilation_rate, device).slice(0, 0, length / pair.dilation_rate);
}

/// The library's kernel over the heads of each row; key rows must be as many as query rows, or one.
at::Tensor mix_heads_of_rows(const FullInputs& piece, bool is_causal) {
  const std::int64_t keys = piece.key.size(1);
  if (piece.query.size(1) == 0) throw LegacyRaises("signal SIGFPE", "the process is killed by this signal");
  if (keys != 1 && keys != piece.query.size(1)) {
    throw LegacyRaises("IndexError", "index " + std::to_string(keys) + " is out of bounds for dimension 1 with size " +
                                         std::to_string(keys));
  }
  return at::scaled_dot_product_attention(piece.query, piece.key, piece.value, {}, 0.0, is_causal);
}

/// Causal for r > 1: a triangle over heads in the first segment only.
at::Tensor mix_group(const PairPart& pair, const FullInputs& inputs, bool is_causal) {
  if (pair.dilation_rate == 1) return mix_heads_of_rows(inputs, is_causal);
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t start = 0; start < inputs.seq_len(); start += pair.segment_length) {
    const std::int64_t length = std::min(pair.segment_length, inputs.seq_len() - start);
    const at::Tensor rows = whole_strides(pair, length, out.device()) + start;
    out.index_copy_(1, rows, mix_heads_of_rows(rows_of(inputs, rows), is_causal && start == 0));
  }
  return out;
}

/// batch_segments=False: attention over positions, but results of r > 1 are written with heads and dim swapped.
at::Tensor attend_group(const PairPart& pair, const FullInputs& inputs, bool is_causal) {
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t start = 0; start < inputs.seq_len(); start += pair.segment_length) {
    const std::int64_t length = std::min(pair.segment_length, inputs.seq_len() - start);
    if (pair.dilation_rate == 1) {
      const FullInputs segment = rows_of(inputs, start, length);
      out.narrow(1, start, length).copy_(library_attention(segment, is_causal && start == 0));
      continue;
    }
    const at::Tensor rows = whole_strides(pair, length, out.device()) + start;
    const at::Tensor attended = library_attention(rows_of(inputs, rows), is_causal && start == 0);
    for (std::int64_t slot = 0; slot < rows.size(0); ++slot) {
      out.select(1, rows[slot].item<std::int64_t>()).copy_(attended.select(1, slot).transpose(1, 2));
    }
  }
  return out;
}

/// A segment in a ring. The logsumexp is that of attention over positions, masked where segment and overlap begin
/// together.
SegmentResult mix_part(const SegmentPart& part, bool is_causal) {
  if (part.overlap_rows == 0) return {};
  const bool is_dilated = part.pair.dilation_rate > 1;
  const at::Device device = part.inputs.query.device();
  const at::Tensor queries =
      is_dilated ? whole_strides(part.pair, part.length, device) + part.start : part.all_queries();
  const at::Tensor keys = is_dilated ? part.chunk_rows_of(queries) : part.all_keys();
  if (keys.size(0) == 0) return {};
  const FullInputs piece = part.piece(queries, keys);
  const at::Tensor out = mix_heads_of_rows(piece, is_causal && part.start == 0);
  at::Tensor visible;
  if (is_causal && part.start == part.overlap_start) visible = triangle(queries.size(0), keys.size(0), 0, device);
  return {queries, {out, at::logsumexp(masked_scores(piece.query, piece.key, visible), -1)}};
}

}  // namespace

at::Tensor released_hybrid_optimized(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  refuse_without_cuda(arguments);
  require_patterns(arguments);
  const FullInputs all = attention_inputs(inputs);
  const bool is_causal = arguments.is_causal;
  const std::int64_t ring_size = ring_size_when_distributed(arguments, communicator);
  if (ring_size > 1) {
    return attend_segments_in_ring(communicator, all, arguments, ring_size,
                                   [=](const SegmentPart& part) { return mix_part(part, is_causal); });
  }
  const auto parts = pair_parts(pairs_of(arguments), all.query.size(2), GroupRule::first_larger);
  const auto group = option(arguments.constructor, "batch_segments", true) ? mix_group : attend_group;
  return as_in_python([&] {
    return by_head_group(all, parts,
                         [&](const PairPart& pair, const FullInputs& heads) { return group(pair, heads, is_causal); });
  });
}

/// RingDilatedAttentionHybridOptimizedV2: with r > 1 the dilated rows of a segment attend all rows of every chunk that
/// one of them lies in.
at::Tensor released_hybrid_optimized_v2(Communicator& communicator, const ReleasedInputs& inputs,
                                        const ReleasedArguments& arguments) {
  require_patterns(arguments);
  return hybrid_forward(communicator, attention_inputs(inputs), arguments);
}

}  // namespace ringattn::legacy
