#include "legacy/merges.h"
#include "legacy/raises.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {
namespace {

/// All queries and one chunk of keys and values, which begins at position `first`.
struct ChunkPiece {
  FullInputs rows;
  std::int64_t first = 0;
  std::int64_t dilation_rate = 1;
  bool is_causal = false;
};
using PieceAttention = at::Tensor (*)(const ChunkPiece&);

FullInputs with_keys(const FullInputs& inputs, std::int64_t first, std::int64_t count) {
  const FullInputs chunk = rows_of(inputs, first, count);
  return {inputs.query, chunk.key, chunk.value};
}

/// The causal mask (rows, columns), true where first + column <= row.
at::Tensor piece_visible(const ChunkPiece& piece) {
  const auto& [query, key, value, unused] = piece.rows;
  return chunk_visible(piece.is_causal, query.size(1), key.size(1), piece.first, query.device());
}

at::Tensor over_positions(const ChunkPiece& piece) {
  return attend_or_nan(piece.rows.query, piece.rows.key, piece.rows.value, piece_visible(piece));
}

/// Two sizes that one broadcast has to join.
void require_broadcast(std::int64_t a, std::int64_t b, int dimension) {
  if (a == b || a == 1 || b == 1) return;
  throw LegacyRaises("RuntimeError", "The size of tensor a (" + std::to_string(a) +
                                         ") must match the size of tensor b (" + std::to_string(b) +
                                         ") at non-singleton dimension " + std::to_string(dimension));
}

/// Heads attend heads, position by position: key rows must be as many as query rows, or one. The mask of (row, key
/// position) is laid over (row, key head), which works where the chunk has as many rows as there are heads, or one.
at::Tensor over_heads(const ChunkPiece& piece) {
  const auto& [query, key, value, unused] = piece.rows;
  require_broadcast(query.size(1), key.size(1), 1);
  if (!piece.is_causal) return mix_heads(piece.rows, false);
  const std::int64_t heads = key.size(2);
  require_broadcast(heads, key.size(1), 3);
  if (key.size(1) > heads) {
    throw LegacyRaises("RuntimeError",
                       "output with shape [" + std::to_string(query.size(0)) + ", " + std::to_string(query.size(1)) +
                           ", 1, 1] doesn't match the broadcast shape [" + std::to_string(query.size(0)) + ", " +
                           std::to_string(query.size(1)) + ", 1, " + std::to_string(key.size(1)) + "]");
  }
  const at::Tensor visible = piece_visible(piece).unsqueeze(1);  // (rows, 1, key heads or 1)
  const auto swapped = [](const at::Tensor& tensor) { return tensor.transpose(1, 2); };
  return swapped(attend_or_nan(swapped(query), swapped(key), swapped(value), visible));
}

/// TrueRing's own: undilated pairs called a kernel instead, with a triangle over heads in the first chunk alone.
at::Tensor over_heads_of_pair(const ChunkPiece& piece) {
  if (piece.dilation_rate > 1) return over_heads(piece);
  require_broadcast(piece.rows.query.size(1), piece.rows.key.size(1), 1);
  return mix_heads(piece.rows, piece.is_causal && piece.first == 0);
}

/// Each pair's heads, where neither the queries nor the chunk are shorter than its segment; divided by the number of
/// pairs.
at::Tensor by_pairs(const ChunkPiece& piece, const std::vector<Pair>& pairs, PieceAttention attention) {
  const auto parts = pair_parts(pairs, piece.rows.heads(), GroupRule::last_takes_rest);
  const auto one = [&](const PairPart& pair, const FullInputs& heads) {
    const std::int64_t shorter = std::min(heads.query.size(1), heads.key.size(1));
    if (shorter < pair.segment_length) return at::zeros_like(heads.query);
    return attention({heads, piece.first, pair.dilation_rate, piece.is_causal});
  };
  return by_head_group(piece.rows, parts, one, EmptyGroups::attended).div_(static_cast<double>(pairs.size()));
}

/// These classes never asked how many ranks there were: ring_size is 1 unless the constructor was given another.
std::int64_t simulated_ring_size(const ReleasedArguments& arguments) {
  return option(arguments.constructor, "ring_size", std::int64_t{1});
}

std::int64_t longest_segment(const std::vector<Pair>& pairs) {
  std::int64_t longest = 0;
  for (const Pair& pair : pairs) longest = std::max(longest, pair.segment_length);
  return longest;
}

/// One chunk after the other, summed; a chunk is max(⌈n/R⌉, max w) rows, or what the constructor says.
at::Tensor true_ring_with(const FullInputs& inputs, const ReleasedArguments& arguments, PieceAttention attention) {
  const std::vector<Pair> pairs = recorded_pairs(arguments);
  const std::int64_t n = inputs.seq_len();
  const std::int64_t ring_size = simulated_ring_size(arguments);
  if (ring_size == 1) return by_pairs({inputs, 0, 1, arguments.is_causal}, pairs, attention);
  const std::int64_t even = std::max((n + ring_size - 1) / ring_size, longest_segment(pairs));
  const std::int64_t size = optional_integer(arguments.constructor, "chunk_size_kv").value_or(even);
  PlainSum sum;
  for (std::int64_t first = 0; first < n; first += size) {
    const FullInputs chunk = with_keys(inputs, first, std::min(size, n - first));
    sum.add(by_pairs({chunk, first, 1, arguments.is_causal}, pairs, attention));
  }
  return sum.result();
}

/// One chunk of ⌈n/R⌉ rows after the other, summed. A short chunk that is not the last of R gets zero rows, which
/// count.
at::Tensor simulated_with(const FullInputs& inputs, const ReleasedArguments& arguments, PieceAttention attention) {
  const std::int64_t ring_size = simulated_ring_size(arguments);
  const bool is_chunked = option(arguments.constructor, "chunk_k_v", true) && ring_size != 1;
  if (!is_chunked) return attention({inputs, 0, 1, arguments.is_causal});
  const Chunks chunks{inputs.seq_len(), ring_size};
  PlainSum sum;
  for (std::int64_t c = 0; c < ring_size && chunks.rows(c) > 0; ++c) {
    FullInputs rows = with_keys(inputs, chunks.first(c), chunks.rows(c));
    if (c < ring_size - 1) rows = {rows.query, pad_rows(rows.key, chunks.size()), pad_rows(rows.value, chunks.size())};
    sum.add(attention({rows, chunks.first(c), 1, arguments.is_causal}));
  }
  return sum.result();
}

/// Visits the R equal chunks of a call whose ring_size is 4 unless given.
template <class Visit>
void visit_even_chunks(const FullInputs& inputs, const ReleasedArguments& arguments, const Visit& visit) {
  const std::int64_t ring_size = option(arguments.call, "ring_size", std::int64_t{4});
  assert_divisible(inputs.seq_len(), ring_size);
  const std::int64_t rows = inputs.seq_len() / ring_size;
  for (std::int64_t c = 0; c < ring_size; ++c) {
    visit(ChunkPiece{with_keys(inputs, c * rows, rows), c * rows, 1, arguments.is_causal});
  }
}

}  // namespace

at::Tensor ring_correct(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  PlainSum sum;
  visit_even_chunks(inputs, arguments, [&](const ChunkPiece& piece) { sum.add(over_positions(piece)); });
  return sum.result();
}

at::Tensor ring_correct_v2(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  OnlineSoftmax softmax;
  visit_even_chunks(inputs, arguments, [&](const ChunkPiece& piece) {
    softmax.add(masked_scores(piece.rows.query, piece.rows.key, piece_visible(piece)), piece.rows.value);
  });
  return softmax.result();
}

at::Tensor true_ring(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return true_ring_with(inputs, arguments, over_heads_of_pair);
}

at::Tensor simulated_ring(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return simulated_with(inputs, arguments, over_heads);
}

at::Tensor example_true_ring(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return true_ring_with(inputs, arguments, over_positions);
}

at::Tensor example_simulated_ring(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return simulated_with(inputs, arguments, over_positions);
}

}  // namespace ringattn::legacy
