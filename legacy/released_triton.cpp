#include "config/error.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"
#include "legacy/residues.h"

#include <ATen/ATen.h>

// TritonOptimized, TritonIntegrated and TritonKernel (@3ce07ad) where there is no Triton, or no GPU.

namespace ringattn::legacy {
namespace {

/// For each query in turn the positions of its residue class, causal those at or before it: a list with repetitions.
at::Tensor attended_positions(const at::Tensor& queries, std::int64_t n, std::int64_t r, bool is_causal) {
  const at::Tensor keys = positions_from(0, n, queries.device()).unsqueeze(0);
  at::Tensor is_seen = keys.remainder(r).eq(queries.remainder(r).unsqueeze(1));
  if (is_causal) is_seen = is_seen.logical_and(keys.le(queries.unsqueeze(1)));
  return is_seen.nonzero().select(1, 1);
}

/// All queries of a segment attend what any of them attends, as often as it is listed. Without the kernel, causal masks
/// each query's future in that list.
at::Tensor attend_listed(const FullInputs& inputs, const PairPart& pair, bool is_causal, bool uses_kernel) {
  const std::int64_t r = pair.dilation_rate;
  at::Tensor out = at::zeros_like(inputs.query);
  each_segment(
      inputs.seq_len(), pair.segment_length, [&](std::int64_t number, std::int64_t start, std::int64_t length) {
        const at::Tensor rows = strided_index((pair.index + number) % r, length, r, out.device()) + start;
        const at::Tensor keys = attended_positions(rows, inputs.seq_len(), r, is_causal);
        if (keys.size(0) == 0) return;
        const FullInputs piece{inputs.query.index_select(1, rows), inputs.key.index_select(1, keys),
                               inputs.value.index_select(1, keys)};
        const at::Tensor visible = is_causal ? visible_by_position(rows, keys) : at::Tensor();
        out.index_copy_(
            1, rows,
            uses_kernel ? library_attention(piece) : attend_or_nan(piece.query, piece.key, piece.value, visible));
      });
  return out;
}

[[noreturn]] void refuse_split() {
  throw LegacyRaises("TypeError", "split_by_rank() got an unexpected keyword argument 'dim'");
}

/// Launching a kernel without a GPU.
[[noreturn]] void refuse_launch() {
  throw LegacyRaises("RuntimeError", "0 active drivers ([]). There should only be one.");
}

}  // namespace

at::Tensor released_triton_optimized(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size > 1) {
    assert_divisible(all.seq_len(), ring_size);
    refuse_split();
  }
  const bool uses_kernel = option(arguments.constructor, "use_sdpa", true);
  if (uses_kernel && optional_number(arguments.constructor, "dropout").value_or(0.0) > 0.0) {
    throw Unavailable(
        "dropout: the class drops weights in evaluation mode too, at random, and the draw was not recorded");
  }
  const auto parts = pair_parts(pairs_of(arguments), all.query.size(2), GroupRule::first_larger);
  return by_head_group(all, parts, [&](const PairPart& pair, const FullInputs& heads) {
    return attend_listed(heads, pair, arguments.is_causal, uses_kernel);
  });
}

at::Tensor released_triton_kernel(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size == 1) refuse_launch();
  python_assert(attention_inputs(inputs).seq_len() % ring_size == 0);
  refuse_split();
}

namespace {

/// Every pair (query ≡ shift + number, key of the same residue class) of a segment and the chunk as one row each:
/// queries and keys repeated, and all of them attending all. The lists take the memory that they took; a query's copies
/// have one result, and keys that are all listed as often as each other the same as if they were listed once.
at::Tensor attend_all_pairs(const RingChunk& chunk, const Pair& pair, std::int64_t shift) {
  const FullInputs& inputs = chunk.inputs;
  const at::Device device = inputs.query.device();
  const std::int64_t r = pair.dilation_rate;
  at::Tensor out = at::zeros_like(inputs.query);
  each_segment(
      inputs.seq_len(), pair.segment_length, [&](std::int64_t number, std::int64_t start, std::int64_t length) {
        const std::int64_t residue = (shift + number) % r;
        const at::Tensor queries = residue_class(positions_from(start, length, device), residue, r);
        const at::Tensor keys =
            residue_class(positions_from(chunk.start, inputs.key.size(1), device), residue, r) - chunk.start;
        if (queries.size(0) == 0 || keys.size(0) == 0) return;
        const at::Tensor rows = queries.repeat_interleave(keys.size(0));
        const at::Tensor listed = keys.repeat({queries.size(0)});
        const FullInputs lists{inputs.query.index_select(1, rows), inputs.key.index_select(1, listed),
                               inputs.value.index_select(1, listed)};
        const auto first_keys = [&](const at::Tensor& list) { return list.narrow(1, 0, keys.size(0)); };
        const at::Tensor result = library_attention({lists.query.slice(1, 0, lists.query.size(1), keys.size(0)),
                                                     first_keys(lists.key), first_keys(lists.value)});
        out.index_copy_(1, rows, result.repeat_interleave(keys.size(0), 1));
      });
  return out;
}

/// Σ over pairs ÷ G. is_causal is not looked at.
at::Tensor integrated_chunk(const RingChunk& chunk, const std::vector<Pair>& pairs) {
  at::Tensor sum = at::zeros_like(chunk.inputs.query);
  for (const Pair& pair : pairs) sum.add_(attend_all_pairs(chunk, pair, chunk.index));
  return sum.div_(static_cast<double>(pairs.size()));
}

}  // namespace

at::Tensor released_triton_integrated(Communicator& communicator, const ReleasedInputs& inputs,
                                      const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::vector<Pair> pairs = pairs_of(arguments);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (option(arguments.constructor, "use_triton", true)) {
    if (ring_size > 1) assert_divisible(all.seq_len(), ring_size);
    refuse_launch();
  }
  if (ring_size == 1) return integrated_chunk({all, 0, 0}, pairs);
  LseAccumulator merged;
  key_value_ring(communicator, all, arguments, ring_size, [&](const RingChunk& chunk) {
    merged.add(with_constant_lse(integrated_chunk(chunk, pairs), static_cast<double>(chunk.index)));
  });
  return merged.out();
}

}  // namespace ringattn::legacy
