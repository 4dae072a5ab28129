#include "legacy/curves.h"
#include "legacy/merges.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/undivided.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <vector>

// RingDilatedAttentionCorrect (@36c40da): segments used once, laid end to end; inside one, each residue class mod r
// attends itself. Pieces (segment ∩ own rows) × (segment ∩ chunk) count residues from where each piece begins, and
// their normalised results are added with weights that nobody divides by.

namespace ringattn::legacy {
namespace {

struct Rows {
  std::int64_t first = 0, count = 0;
};
/// The rows of a chunk [start, start + size) that lie in [first, last), as local rows; none: they do not meet.
std::optional<Rows> overlap(std::int64_t start, std::int64_t size, std::int64_t first, std::int64_t last) {
  const std::int64_t from = std::max<std::int64_t>(0, first - start);
  const std::int64_t to = std::min(size, last - start);
  return from < to ? std::optional(Rows{from, to - from}) : std::nullopt;
}

/// A piece: rows of a segment, and where its queries and keys begin.
struct Piece {
  FullInputs inputs;
  std::int64_t query_start = 0, key_start = 0;
};

ChunkResult residue_classes(const Piece& piece, std::int64_t r, bool is_causal) {
  const at::Tensor& query = piece.inputs.query;
  ChunkResult result = UndividedSum(query).result();
  for (std::int64_t residue = 0; residue < r; ++residue) {
    const at::Tensor rows = strided_index(residue, query.size(1), r, query.device());
    const at::Tensor keys = strided_index(residue, piece.inputs.key.size(1), r, query.device());
    if (rows.numel() == 0 || keys.numel() == 0) continue;
    at::Tensor visible;  // only the first class is causal
    if (is_causal && residue == 0) visible = visible_by_position(rows + piece.query_start, keys + piece.key_start);
    const ChunkResult part = attend_with_lse(query.index_select(1, rows), piece.inputs.key.index_select(1, keys),
                                             piece.inputs.value.index_select(1, keys), visible);
    result.out.index_copy_(1, rows, part.out);
    result.lse.index_copy_(2, rows, part.lse);
  }
  return result;
}

/// In the snake's order where queries and keys are as many; `lse` is left in that order.
ChunkResult attend_piece(Piece piece, std::int64_t r, bool is_causal, bool uses_hilbert) {
  const std::int64_t rows = piece.inputs.query.size(1);
  const bool is_reordered = uses_hilbert && rows > 1 && rows == piece.inputs.key.size(1);
  if (!is_reordered) return residue_classes(piece, r, is_causal);
  const at::Tensor order = snake(rows).to(piece.inputs.query.device());
  piece.inputs = rows_of(piece.inputs, order);
  ChunkResult result = residue_classes(piece, r, is_causal);
  result.out = result.out.index_select(1, order);
  return result;
}

struct Setting {
  std::vector<Pair> pairs;
  std::int64_t total = 0;
  bool is_causal = false;
  bool uses_hilbert = true;
};

/// Own queries from `query_start` on against a chunk of keys from `key_start` on.
ChunkResult attend_chunk(const FullInputs& inputs, std::int64_t query_start, std::int64_t key_start,
                         const Setting& setting) {
  UndividedSum sum(inputs.query);
  const std::int64_t size = inputs.query.size(1);
  std::int64_t first = 0;
  for (const Pair& pair : setting.pairs) {
    const std::int64_t last = std::min(first + pair.segment_length, setting.total);
    const auto rows = overlap(query_start, size, first, last);
    const auto keys = overlap(key_start, size, first, last);
    first = last;
    if (!rows || !keys) continue;
    const Piece piece{{inputs.query.narrow(1, rows->first, rows->count), inputs.key.narrow(1, keys->first, keys->count),
                       inputs.value.narrow(1, keys->first, keys->count)},
                      query_start + rows->first,
                      key_start + keys->first};
    sum.add(attend_piece(piece, pair.dilation_rate, setting.is_causal, setting.uses_hilbert), rows->first);
  }
  return sum.result();
}

at::Tensor attend_ring(Communicator& communicator, const FullInputs& local, const Setting& setting, bool is_patched) {
  const std::int64_t size = local.query.size(1);
  UndividedSum sum(local.query);
  ring_pass(communicator, {local.key, local.value}, {}, [&](const RingStep& step) {
    sum.add(attend_chunk({local.query, step.tensors[0], step.tensors[1]}, communicator.rank() * size,
                         step.source * size, setting));
    // The buffer to receive into had the strides of the keys, rows before heads.
    if (!is_patched && local.query.size(2) > 1 && size > 1) {
      throw LegacyRaises("RuntimeError", "input tensor has to be contiguous");
    }
  });
  return sum.result().out;
}

at::Tensor correct(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments,
                   const at::Tensor& local, std::optional<std::int64_t> total) {
  const Setting setting{pairs_of(arguments), total.value_or(local.size(1) * communicator.world_size()),
                        arguments.is_causal, option(arguments.constructor, "use_hilbert", true)};
  FullInputs projected = project_fused(inputs, local, recorded_heads(arguments));
  if (communicator.world_size() > 1) {
    return project_out(inputs, attend_ring(communicator, projected, setting, arguments.is_patched));
  }
  const Setting alone{setting.pairs, local.size(1), setting.is_causal, setting.uses_hilbert};
  return project_out(inputs, attend_chunk(projected, 0, 0, alone).out);
}

}  // namespace

at::Tensor released_correct(Communicator& communicator, const ReleasedInputs& inputs,
                            const ReleasedArguments& arguments) {
  return correct(communicator, inputs, arguments, own_rows(communicator, inputs.tensor("x")),
                 optional_integer(arguments.call, "total_seq_len"));
}

/// RingAttentionWrapper: cuts x itself unless pre_split.
at::Tensor released_correct_wrapper(Communicator& communicator, const ReleasedInputs& inputs,
                                    const ReleasedArguments& arguments) {
  const at::Tensor& x = inputs.tensor("x");
  const bool is_split = option(arguments.call, "pre_split", false);
  if (!is_split) assert_divisible(x.size(1), communicator.world_size(), "world_size");
  return correct(communicator, inputs, arguments, own_rows(communicator, x),
                 is_split ? std::nullopt : std::optional(x.size(1)));
}

}  // namespace ringattn::legacy
