#include "legacy/hybrid_rows.h"

#include "legacy/raises.h"
#include "legacy/released_support.h"
#include "legacy/segment_hybrid.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {
namespace {

SegmentResult attend_undilated(const SegmentPart& part, bool is_causal) {
  if (part.overlap_rows == 0) return {};
  const at::Tensor queries = part.all_queries();
  const FullInputs piece = part.piece(queries, part.all_keys());
  const at::Tensor visible =
      is_causal ? triangle(part.length, part.overlap_rows, part.start - part.overlap_start, part.inputs.query.device())
                : at::Tensor();
  return {queries, attend_with_lse(piece.query, piece.key, piece.value, visible)};
}

SegmentResult attend_dilated(const SegmentPart& part, bool is_causal, const HybridOrders& orders) {
  at::Tensor rows = strided_index(part.pair.offset(), part.length, part.pair.dilation_rate, part.inputs.query.device());
  if (orders.queries && rows.numel() > 1) rows = rows.index({orders.queries(rows.numel())});
  rows = rows + part.start;
  if (part.chunk_rows_of(rows).numel() == 0) return {};
  const std::int64_t chunk_rows = part.inputs.key.size(1);
  const at::Tensor keys = orders.keys ? orders.keys(chunk_rows).remainder(chunk_rows) : at::arange(chunk_rows);
  const FullInputs piece = part.piece(rows, keys);
  const at::Tensor visible =
      is_causal ? visible_by_position(rows, at::arange(part.chunk_start, part.chunk_start + chunk_rows)) : at::Tensor();
  return {rows, attend_with_lse(piece.query, piece.key, piece.value, visible)};
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
  return attend_segments({inputs, 0, 0}, pairs_of(arguments), slot_attention(arguments.is_causal)).out;
}

at::Tensor hybrid_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                       const HybridOrders& orders) {
  return attend_segments_in_ring(
      communicator, inputs, arguments, ring_size_or_world(arguments, communicator), [&](const SegmentPart& part) {
        return part.pair.dilation_rate == 1 ? attend_undilated(part, arguments.is_causal)
                                            : attend_dilated(part, arguments.is_causal, orders);
      });
}

at::Tensor hybrid_forward(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                          const HybridOrders& orders) {
  if (ring_size_when_distributed(arguments, communicator) == 1) return hybrid_one_process(inputs, arguments);
  return hybrid_ring(communicator, inputs, arguments, orders);
}

}  // namespace ringattn::legacy
