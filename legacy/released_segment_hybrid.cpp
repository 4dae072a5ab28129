#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/segment_hybrid.h"

#include <ATen/ATen.h>

// RingDilatedAttentionHybrid in its second generation (@c300897, @7b6e7d4) and HybridFixed (@7b6e7d4): dilated queries
// of each segment against the dilated keys of the same segment. Right where nothing is causal.

namespace ringattn::legacy {
namespace {

struct Selection {
  at::Tensor queries, keys;  ///< no keys: nothing of the segment lies in the chunk
};

/// `changes_by_segment`: the offset moves on with the segment's number.
Selection select(const SegmentPart& part, bool changes_by_segment) {
  const std::int64_t r = part.pair.dilation_rate;
  if (r == 1) return {part.all_queries(), part.all_keys()};
  const std::int64_t offset = (part.pair.index + (changes_by_segment ? part.number : 0)) % r;
  const at::Tensor queries = wrapped_index(offset, part.length, r, part.inputs.query.device()) + part.start;
  return {queries, part.chunk_rows_of(queries)};
}

/// Slot a of the queries sees slot b of the keys iff start + a >= overlap_start + b, whatever positions they hold.
at::Tensor allowed_slots(const SegmentPart& part, const Selection& selection) {
  return triangle(selection.queries.size(0), selection.keys.size(0), part.start - part.overlap_start,
                  part.inputs.query.device());
}

/// A rank outside a ring smaller than the world believed that it held the rows of a rank inside, and held none.
void refuse_outsider(const SegmentPart& part, const char* error, const char* message) {
  if (part.inputs.key.size(1) == 0) throw LegacyRaises(error, message);
}

/// Causal: the mask of what is allowed was taken for its opposite.
SegmentAttention inverted_attention(bool is_causal, bool changes_by_segment) {
  return [=](const SegmentPart& part) -> SegmentResult {
    refuse_outsider(part, "IndexError", "amax(): Expected reduction dim -1 to have non-zero size.");
    const Selection selected = select(part, changes_by_segment);
    if (selected.keys.size(0) == 0) return {};
    const FullInputs piece = part.piece(selected.queries, selected.keys);
    const at::Tensor visible = is_causal ? allowed_slots(part, selected).logical_not() : at::Tensor();
    return {selected.queries, attend_with_lse(piece.query, piece.key, piece.value, visible)};
  };
}

}  // namespace

SegmentAttention slot_attention(bool is_causal) {
  return [=](const SegmentPart& part) -> SegmentResult {
    refuse_outsider(part, "RuntimeError", "index_select(): self indexing axis dim should be positive");
    const Selection selected = select(part, false);
    if (selected.keys.size(0) == 0) return {};
    if (is_causal && part.start > 0) throw LegacyRaises("AttributeError", "'NoneType' object has no attribute 'dtype'");
    const FullInputs piece = part.piece(selected.queries, selected.keys);
    const at::Tensor visible = is_causal ? allowed_slots(part, selected) : at::Tensor();
    const at::Tensor lse = at::logsumexp(masked_scores(piece.query, piece.key, visible), -1);
    return {selected.queries, {library_attention(piece, is_causal), lse}};
  };
}

void refuse_without_cuda(const ReleasedArguments& arguments) {
  const bool is_left_out = arguments.patched.find("HAS_FLASH_UTILS=False") != std::string::npos;
  if (is_left_out || !option(arguments.constructor, "use_flash_attention", true)) return;
  throw LegacyRaises("RuntimeError",
                     "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a "
                     "driver from http://www.nvidia.com/Download/index.aspx");
}

at::Tensor released_hybrid(Communicator& communicator, const ReleasedInputs& inputs,
                           const ReleasedArguments& arguments) {
  refuse_without_cuda(arguments);
  return attend_segments_in_ring(communicator, attention_inputs(inputs), arguments,
                                 ring_size_when_distributed(arguments, communicator),
                                 slot_attention(arguments.is_causal));
}

at::Tensor released_hybrid_7b(Communicator& communicator, const ReleasedInputs& inputs,
                              const ReleasedArguments& arguments) {
  refuse_without_cuda(arguments);
  return attend_segments_in_ring(communicator, attention_inputs(inputs), arguments,
                                 ring_size_when_distributed(arguments, communicator),
                                 inverted_attention(arguments.is_causal, false));
}

at::Tensor released_hybrid_fixed(Communicator& communicator, const ReleasedInputs& inputs,
                                 const ReleasedArguments& arguments) {
  return attend_segments_in_ring(communicator, attention_inputs(inputs), arguments,
                                 ring_size_when_distributed(arguments, communicator),
                                 inverted_attention(arguments.is_causal, true));
}

}  // namespace ringattn::legacy
