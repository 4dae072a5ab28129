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

/// Queries whole, keys and values dilated over all rows; causal by slot.
at::Tensor robust_alone(const FullInputs& inputs, const ReleasedArguments& arguments,
                        const std::vector<PairPart>& parts) {
  return attention_mixer(arguments.is_causal)(
      {inputs.query, dilate_whole(inputs.key, parts), dilate_whole(inputs.value, parts)});
}

/// Rows of a chunk that count: padding is taken off the last chunk alone, and only where the chunk size does not divide
/// n.
std::int64_t kept_rows(const Chunks& chunks, std::int64_t chunk) {
  const bool is_trimmed = chunk == chunks.count - 1 && chunks.seq_len % chunks.size() != 0;
  return is_trimmed ? chunks.seq_len - chunk * chunks.size() : chunks.size();
}

at::Tensor robust_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                       const std::vector<PairPart>& parts, const Chunks& chunks) {
  const auto own = [&](const at::Tensor& whole) {
    return pad_rows(dilate_whole(chunk_of(whole, chunks, communicator.rank()), parts), chunks.size());
  };
  OnlineSoftmax softmax;
  const auto visit = [&](const RingStep& now) {
    const std::int64_t rows = kept_rows(chunks, now.source), first = now.source * chunks.size();
    const at::Tensor key = now.tensors[0].narrow(1, 0, rows);
    const at::Tensor visible = chunk_visible(arguments.is_causal, inputs.seq_len(), rows, first, inputs.query.device());
    softmax.add(masked_scores(inputs.query, key, visible), now.tensors[1].narrow(1, 0, rows));
  };
  ring_pass(communicator, {own(inputs.key), own(inputs.value)}, {.ring_size = chunks.count}, visit);
  return softmax.result(1e-8);
}

}  // namespace

at::Tensor ring_v2_robust(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t world_size = communicator.world_size();
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  const auto parts = pair_parts(recorded_pairs(arguments), inputs.heads(), GroupRule::last_larger);
  const std::int64_t shortest = option(arguments.constructor, "min_seq_length_for_ring", std::int64_t{8192});
  if (world_size == 1 || ring_size == 1 || inputs.seq_len() < shortest) return robust_alone(inputs, arguments, parts);
  // Nobody sends to ranks outside the ring; in a ring larger than the world some wait for ranks that do not exist, and
  // the others for them.
  if (communicator.rank() >= ring_size || ring_size > world_size) wait_for_ever(communicator, arguments);
  const Chunks chunks{inputs.seq_len(), ring_size};
  if (kept_rows(chunks, ring_size - 1) <= 0) {
    throw LegacyRaises("RuntimeError", "a rank sends more rows than its neighbour expects");
  }
  return robust_ring(communicator, inputs, arguments, parts, chunks);
}

at::Tensor ring_v2_simple(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  if (communicator.world_size() == 1) return attention_mixer(arguments.is_causal)(inputs);
  const Chunks chunks{inputs.seq_len(), communicator.world_size()};
  const auto own = [&](const at::Tensor& whole) { return padded_chunk(whole, chunks, communicator.rank()); };
  OnlineSoftmax softmax(OnlineSoftmax::Maximum::none);
  ring_pass(communicator, {own(inputs.key), own(inputs.value)}, {}, [&](const RingStep& now) {
    const std::int64_t first = now.source * chunks.size();
    const at::Tensor visible =
        chunk_visible(arguments.is_causal, inputs.seq_len(), chunks.size(), first, inputs.query.device());
    softmax.add(masked_scores(inputs.query, now.tensors[0], visible), now.tensors[1]);
  });
  return softmax.result(1e-8);
}

}  // namespace ringattn::legacy
