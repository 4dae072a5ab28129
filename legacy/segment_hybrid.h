#pragma once

#include "legacy/merges.h"
#include "legacy/released_support.h"
#include "legacy/semantics.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

// The hybrids from their second generation on: per head group and segment, selected queries against selected keys of
// the chunk at hand; chunks merged by LseAccumulator. The classes differ in the selection, the attention and the masks.

namespace ringattn::legacy {

/// One segment of one pair that meets a chunk: full queries and the chunk's keys and values of the pair's heads.
struct SegmentPart {
  PairPart pair{};
  FullInputs inputs{};
  std::int64_t number = 0;  ///< of the segment
  std::int64_t start = 0;
  std::int64_t length = 0;
  std::int64_t chunk_start = 0;
  std::int64_t overlap_start = 0;  ///< positions that segment and chunk share
  std::int64_t overlap_rows = 0;   ///< may be 0

  /// Positions as rows of the chunk, of those that lie in the overlap.
  at::Tensor chunk_rows_of(const at::Tensor& positions) const;
  /// Rows `queries` (positions) and `keys` (rows of the chunk).
  FullInputs piece(const at::Tensor& queries, const at::Tensor& keys) const;
  /// All positions of the segment; all rows of the chunk in the overlap.
  at::Tensor all_queries() const;
  at::Tensor all_keys() const;
};

/// What a part gave its queries; `queries` undefined: nothing.
struct SegmentResult {
  at::Tensor queries{};
  ChunkResult chunk{};
};
using SegmentAttention = std::function<SegmentResult(const SegmentPart& part)>;

/// Every segment of every pair (groups GF) in its place; other rows 0, with lse -inf.
ChunkResult attend_segments(const RingChunk& chunk, const std::vector<Pair>& pairs, const SegmentAttention& attention);

/// Full queries and results on every rank; with ring_size 1 the whole sequence is one chunk.
at::Tensor attend_segments_in_ring(Communicator& communicator, const FullInputs& inputs,
                                   const ReleasedArguments& arguments, std::int64_t ring_size,
                                   const SegmentAttention& attention);

/// (j·r + offset) mod length for j·r < length: where r does not divide the length, the last may fall into another
/// residue class, and out of order.
at::Tensor wrapped_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device);

/// use_flash_attention, on unless it is given, made the constructor ask for a CUDA device.
void refuse_without_cuda(const ReleasedArguments& arguments);

/// The hybrid's: dilated queries, the last of which may wrap round, on the dilated keys of their segment; output of the
/// library's kernel, logsumexp of separate scores. Causal: the kernel's triangle ignores where the chunk begins, and
/// only the first segment gets that far (AttributeError).
SegmentAttention slot_attention(bool is_causal);

}  // namespace ringattn::legacy
