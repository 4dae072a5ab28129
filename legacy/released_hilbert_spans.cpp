#include "config/error.h"
#include "legacy/curves.h"
#include "legacy/hilbert_spans.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {
namespace {

ChunkPlaces whole(std::int64_t rows) { return {rows, 0, 0, rows}; }

/// Queries, keys and values gathered by the snake of the number of *queries*: IndexError for fewer keys, and of more
/// keys the rest is lost. The output comes back in order, its lse does not. Causal: by the places along the snake.
ChunkResult attend_along_snake(const FullInputs& piece, const SpanPart& part, bool is_causal) {
  const std::int64_t rows = part.query_rows;
  if (rows == 1) {
    const bool sees = !is_causal || part.query_position >= part.key_position;
    const at::Tensor visible = at::full({1, 1}, sees, piece.query.options().dtype(at::kBool));
    return attend_with_lse(piece.query, piece.key, piece.value, visible);
  }
  const at::Tensor order = snake(rows);
  if (part.key_rows < rows) throw LegacyRaises("IndexError", "index out of range in self");
  ChunkResult result = attend_at(rows_of(piece, order), part.query_position, part.key_position, is_causal);
  result.out = result.out.index_select(1, order);
  return result;
}

/// What Proper gives a causal span: the first span alone is masked, along the snake, and of a dilated one only the
/// first residue class.
ChunkResult attend_span_properly(const FullInputs& piece, const SpanPart& part, bool is_snake, bool is_causal) {
  const at::Tensor order = is_snake ? snake(part.query_rows) : at::Tensor();
  const bool is_masked = is_causal && part.span == 0;
  ChunkResult result = by_residue(is_snake ? rows_of(piece, order) : piece, part.dilation_rate,
                                  [&](const FullInputs& residue, std::int64_t offset) {
                                    return attend_at(residue, 0, 0, is_masked && offset == 0);
                                  });
  if (is_snake) result = {result.out.index_select(1, order), result.lse.index_select(2, order)};
  return result;
}

/// The backend that OptimizedCorrect chooses on a CPU.
std::string backend_of(const ReleasedArguments& arguments, std::int64_t ranks) {
  std::string given = option<std::string>(arguments.constructor, "attention_backend", "");
  if (!given.empty()) return given;
  const auto is_dilated = [](std::int64_t r) { return r > 1; };
  if (std::any_of(arguments.dilation_rates.begin(), arguments.dilation_rates.end(), is_dilated)) {
    return "sdpa_with_mask";
  }
  std::int64_t longest = 0;
  for (const std::int64_t w : arguments.segment_lengths) longest = std::max(longest, w);
  const bool is_split = option<bool>(arguments.constructor, "memory_efficient", true);
  return longest / (is_split ? ranks : 1) < 128 ? "manual" : "sdpa";
}

at::Tensor zero_lse(const at::Tensor& query) {
  return at::zeros({query.size(0), query.size(2), query.size(1)}, query.options());
}

/// One residue class in OptimizedCorrect: a single query takes the values as they are; offsets are added to positions
/// that the rate does not multiply; only the first class is masked.
ChunkResult attend_correct_residue(const FullInputs& residue, const SpanPart& part, std::int64_t offset,
                                   bool is_causal) {
  if (residue.query.size(1) == 1) return {residue.value, zero_lse(residue.query)};
  return attend_at(residue, part.query_position + offset, part.key_position + offset, is_causal && offset == 0);
}

/// The library's kernel gives no lse: 0 stands in for it.
ChunkResult attend_correct(const FullInputs& piece, const SpanPart& part, const std::string& backend, bool is_causal) {
  if (part.dilation_rate > 1 || backend == "manual") {
    return by_residue(piece, part.dilation_rate, [&](const FullInputs& residue, std::int64_t offset) {
      return attend_correct_residue(residue, part, offset, is_causal);
    });
  }
  if (backend.rfind("flash_attn", 0) == 0) throw Unavailable("attention_backend: \"" + backend + "\" needs a GPU");
  if (backend != "sdpa") return attend_at(piece, part.query_position, part.key_position, is_causal);
  const bool is_masked = is_causal && part.query_position == part.key_position;
  return {library_attention(piece, is_masked), zero_lse(piece.query)};
}

}  // namespace

// RingDilatedAttentionHilbertCore @36c40da. Undilated spans along the snake (which changes numbers only where something
// is causal, or rows meet fewer keys); dilated ones by position, of which only residue class 0 is ever masked. Several
// ranks: a residue class starts anew at each chunk's part of a span, and the sum over chunks is never divided.
at::Tensor hilbert_core(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const std::vector<Pair> pairs = pairs_or_default(arguments);
  const Json settings = settings_of(arguments);
  const bool is_snake = option<bool>(arguments.constructor, "use_hilbert", true) &&
                        option<bool>(arguments.constructor, "use_custom_backward", true);
  const bool is_causal = arguments.is_causal;
  const auto attention = [&](const FullInputs& piece, const SpanPart& part) {
    if (part.dilation_rate == 1 && is_snake) return attend_along_snake(piece, part, is_causal);
    if (part.dilation_rate == 1) return attend_at(piece, part.query_position, part.key_position, is_causal);
    return by_residue(piece, part.dilation_rate, [&](const FullInputs& residue, std::int64_t offset) {
      if (!is_causal || offset > 0) return attend_with_lse(residue.query, residue.key, residue.value);
      const auto positions = [&](std::int64_t first, std::int64_t count) {
        return at::arange(count) * part.dilation_rate + first;
      };
      return attend_with_lse(residue.query, residue.key, residue.value,
                             visible_by_position(positions(part.query_position, residue.query.size(1)),
                                                 positions(part.key_position, residue.key.size(1))));
    });
  };
  const LocalRows local = local_rows(communicator, inputs, arguments, option<std::int64_t>(settings, "heads", 0), true);
  const FullInputs& rows = local.projected;
  return project_out(inputs, communicator.world_size() > 1
                                 ? ring_of_spans(communicator, local, arguments, pairs, attention)
                                 : attend_spans(rows, whole(rows.seq_len()), pairs, attention).out);
}

// RingDilatedAttentionHilbertOptimizedCorrect @36c40da. Every span along the snake, causal by places along it. Several
// ranks: rows that meet another number of keys are not reordered but un-reordered; the lse stays in snake order; the
// library's kernel counts every chunk alike. memory_efficient=False: every rank computes the whole sequence.
at::Tensor hilbert_optimized_correct(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  const std::vector<Pair> pairs = paired(arguments);
  const bool use_hilbert = option<bool>(arguments.constructor, "use_hilbert", true);
  const bool is_split = option<bool>(arguments.constructor, "memory_efficient", true);
  const std::string backend = backend_of(arguments, communicator.world_size());
  const auto attention = [&](const FullInputs& piece, const SpanPart& part) {
    const bool is_snake = use_hilbert && part.query_rows > 1;
    const at::Tensor order = is_snake ? snake(part.query_rows) : at::Tensor();
    const bool is_ordered = is_snake && part.query_rows == part.key_rows;
    ChunkResult result = attend_correct(is_ordered ? rows_of(piece, order) : piece, part, backend, arguments.is_causal);
    if (is_snake) result.out = result.out.index_select(1, order);
    return result;
  };
  const LocalRows local = local_rows(communicator, inputs, arguments, recorded_heads(arguments), is_split);
  const FullInputs& rows = local.projected;
  return project_out(inputs, communicator.world_size() > 1 && is_split
                                 ? ring_of_spans(communicator, local, arguments, pairs, attention)
                                 : attend_spans(rows, whole(rows.seq_len()), pairs, attention).out);
}

// RingDilatedAttentionHilbertProper @36c40da, and GPUOptimized, which computes the same with any backend. Several
// ranks project all rows, pass K and V of their own, and then cannot give own rows the shape of all.
at::Tensor hilbert_proper(Communicator& communicator, const ReleasedInputs& inputs,
                          const ReleasedArguments& arguments) {
  const std::vector<Pair> pairs = paired(arguments);
  const bool use_hilbert = option<bool>(arguments.constructor, "use_hilbert", true);
  const at::Tensor& x = inputs.tensor("x");
  const FullInputs rows = project_fused(inputs, x, recorded_heads(arguments));
  const std::int64_t n = rows.seq_len();
  const auto attention = [&](const FullInputs& piece, const SpanPart& part) {
    return attend_span_properly(piece, part, use_hilbert && part.query_rows > 1, arguments.is_causal);
  };
  if (communicator.world_size() == 1 || ring_size_or_world(arguments, communicator) == 1) {
    return project_out(inputs, attend_spans(rows, whole(n), pairs, attention).out);
  }
  const std::int64_t own =
      n / communicator.world_size() + (communicator.rank() < n % communicator.world_size() ? 1 : 0);
  require_contiguous_pass(rows.key.narrow(1, 0, own), arguments);
  throw LegacyRaises("RuntimeError", "shape '[" + std::to_string(x.size(0)) + ", " + std::to_string(n) + ", " +
                                         std::to_string(x.size(2)) + "]' is invalid for input of size " +
                                         std::to_string(x.size(0) * own * x.size(2)));
}

}  // namespace ringattn::legacy
