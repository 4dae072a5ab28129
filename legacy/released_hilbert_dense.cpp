#include "legacy/hilbert_spans.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/undivided.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn::legacy {
namespace {

/// `attention_backend="flash"` without its library: scaled twice, causal from the chunk's own first row, with the lse
/// of unmasked scores scaled once.
ChunkResult attend_flash_fallback(const FullInputs& chunk, bool is_causal) {
  FullInputs scaled = chunk;
  scaled.query = chunk.query / std::sqrt(static_cast<double>(chunk.query.size(3)));
  return {attention_mixer(is_causal)(scaled), attend_with_lse(chunk.query, chunk.key, chunk.value).lse};
}

/// One chunk of keys: each pair no longer than the rank's rows gives the same dense attention, and all are added up.
ChunkResult attend_once_per_pair(const FullInputs& chunk, const std::vector<Pair>& pairs, const ChunkResult& dense) {
  const std::int64_t rows = chunk.query.size(1);
  std::int64_t count = 0;
  for (const Pair& pair : pairs) count += pair.segment_length <= rows ? 1 : 0;
  if (count == 0) throw LegacyRaises("IndexError", "list index out of range");
  if (count == 1) return dense;
  UndividedSum sum(chunk.query, UndividedSum::Lse::maximum);
  for (std::int64_t i = 0; i < count; ++i) sum.add(dense);
  return sum.result();
}

at::Tensor dense_ring(Communicator& communicator, const FullInputs& local, const ReleasedArguments& arguments,
                      const std::vector<Pair>& pairs) {
  const bool is_flash = option<std::string>(arguments.constructor, "attention_backend", "") == "flash";
  UndividedSum sum(local.query, UndividedSum::Lse::maximum);
  communicator.barrier();
  ring_pass(communicator, {local.key, local.value}, {}, [&](const RingStep& step) {
    const FullInputs chunk{local.query, step.tensors[0], step.tensors[1]};
    // Later chunks got a triangle that starts behind their last column: they are seen whole.
    const bool is_masked = arguments.is_causal && step.source == communicator.rank();
    const ChunkResult dense =
        is_flash ? attend_flash_fallback(chunk, arguments.is_causal) : attend_at(chunk, 0, 0, is_masked);
    sum.add(attend_once_per_pair(chunk, pairs, dense));
  });
  communicator.barrier();
  return sum.result().out;
}

}  // namespace

// RingDilatedAttentionHilbertOptimizedFixedV2 @36c40da. One process: dense attention, no segments, no dilation, no
// curve. Several ranks: dense as well, added over pairs and chunks without a denominator.
at::Tensor hilbert_optimized_fixed_v2(Communicator& communicator, const ReleasedInputs& inputs,
                                      const ReleasedArguments& arguments) {
  const std::vector<Pair> pairs = paired(arguments);
  const bool is_split = option<bool>(arguments.constructor, "memory_efficient", true);
  const LocalRows local = local_rows(communicator, inputs, arguments, recorded_heads(arguments), is_split);
  if (communicator.world_size() == 1 || !is_split) {
    return project_out(inputs, attention_mixer(arguments.is_causal)(local.projected));
  }
  return project_out(inputs, dense_ring(communicator, local.projected, arguments, pairs));
}

}  // namespace ringattn::legacy
