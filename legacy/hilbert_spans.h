#pragma once

#include "legacy/merges.h"
#include "legacy/released.h"
#include "legacy/semantics.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

// F1, what the Hilbert classes that take one x compute: pair i owns one span, the w rows after the spans of the pairs
// before it; all heads; within a span, rows of one residue class modulo r attend each other.

namespace ringattn::legacy {

/// Which part of which span a chunk of queries and a chunk of keys meet in.
struct SpanPart {
  std::int64_t span = 0;
  std::int64_t dilation_rate = 1;
  std::int64_t query_first = 0, query_rows = 0;  ///< in the chunk of queries
  std::int64_t key_first = 0, key_rows = 0;      ///< in the chunk of keys
  std::int64_t query_position = 0, key_position = 0;
};

/// Chunks of `rows` rows at two positions of a sequence.
struct ChunkPlaces {
  std::int64_t rows = 0, query_start = 0, key_start = 0, seq_len = 0;
};
std::vector<SpanPart> span_parts(const std::vector<Pair>& pairs, const ChunkPlaces& places);

/// What a class does with one part. Row numbers of its inputs are the part's own.
using SpanAttention = std::function<ChunkResult(const FullInputs& piece, const SpanPart& part)>;

/// All parts of one chunk of keys, merged by UndividedSum (each row is in one span only, so that nothing is inflated
/// yet). Rows of no span: zeros, -inf.
ChunkResult attend_spans(const FullInputs& chunk, const ChunkPlaces& places, const std::vector<Pair>& pairs,
                         const SpanAttention& attention);

/// For each offset below r: queries ≡ offset of the part attend keys ≡ offset, both counted from the part's own first
/// row. LegacyRaises where offset exceeds either length (torch.arange); a class without keys is left out.
using ResidueAttention = std::function<ChunkResult(const FullInputs& residue, std::int64_t offset)>;
ChunkResult by_residue(const FullInputs& piece, std::int64_t r, const ResidueAttention& attention);

/// Causal by the positions query_position + a >= key_position + b, unless not causal.
ChunkResult attend_at(const FullInputs& piece, std::int64_t query_position, std::int64_t key_position, bool is_causal);

/// How the class got its rows.
struct LocalRows {
  FullInputs projected{};    ///< (batch, rows, heads, dim)
  std::int64_t seq_len = 0;  ///< of all ranks, as the class believed
};
/// The fused projection of the rank's rows of "x": its own where `is_split` (AssertionError where the ranks do not
/// divide them) or where they came split, else all.
LocalRows local_rows(const Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                     std::int64_t heads, bool is_split);

/// The ring over spans: K and V chunks passed on after each step, every step's spans added to one UndividedSum. As
/// released, the receive buffer had the strides of a permuted tensor, and the first pass raised; patched recordings
/// pass contiguous chunks.
at::Tensor ring_of_spans(Communicator& communicator, const LocalRows& local, const ReleasedArguments& arguments,
                         const std::vector<Pair>& pairs, const SpanAttention& attention);

/// The RuntimeError of that first pass, where `key` (batch, rows, heads, dim) has such strides and nothing was patched.
void require_contiguous_pass(const at::Tensor& key, const ReleasedArguments& arguments);

}  // namespace ringattn::legacy
