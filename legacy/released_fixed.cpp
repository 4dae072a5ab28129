#include "legacy/merges.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

// Two classes named RingDilatedAttentionFixed: the later (@3ce07ad) has segments laid end to end whose queries attend
// every r-th row of the whole sequence; the first (@e90c613) mixes heads.

namespace ringattn::legacy {
namespace {

/// Causal: slot j of the strided keys against the query's position, right for r = 1 only.
at::Tensor spans_over_all(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal) {
  at::Tensor out = at::zeros_like(inputs.query);
  std::int64_t first = 0;
  for (const Pair& pair : pairs) {
    if (first >= inputs.seq_len()) break;
    const std::int64_t last = std::min(first + pair.segment_length, inputs.seq_len());
    const at::Tensor query = inputs.query.slice(1, first, last);
    const at::Tensor key = inputs.key.slice(1, 0, inputs.seq_len(), pair.dilation_rate).contiguous();
    const at::Tensor value = inputs.value.slice(1, 0, inputs.seq_len(), pair.dilation_rate).contiguous();
    const at::Tensor visible = is_causal ? triangle(query.size(1), key.size(1), first, query.device()) : at::Tensor();
    out.slice(1, first, last).copy_(attend_or_nan(query, key, value, visible));
    first += pair.segment_length;
  }
  return out;
}

/// Σ e^{s - m} v and m + log Σ e^{s - m}: a sum where the accumulator expects a mean.
ChunkResult undivided(const FullInputs& inputs, std::int64_t chunk_start, bool is_causal) {
  at::Tensor visible;
  if (is_causal) visible = triangle(inputs.query.size(1), inputs.key.size(1), -chunk_start, inputs.query.device());
  const at::Tensor scores = masked_scores(inputs.query, inputs.key, visible);
  at::Tensor largest = scores.amax(-1, true);
  largest = at::where(largest.isfinite(), largest, at::zeros_like(largest));
  const at::Tensor weights = (scores - largest).exp();
  return {at::matmul(weights, inputs.value.transpose(1, 2)).transpose(1, 2),
          largest.squeeze(-1) + weights.sum(-1).log()};
}

/// A ring of one process: nobody sends, so that chunk 0 stands in for every chunk, under the masks of them all.
void ring_of_one(const FullInputs& inputs, std::int64_t ring_size, const std::function<void(const RingChunk&)>& visit) {
  const std::int64_t size = inputs.seq_len() / ring_size;
  for (std::int64_t step = 0; step < ring_size; ++step) {
    const std::int64_t index = (ring_size - step) % ring_size;
    visit({{inputs.query, inputs.key.narrow(1, 0, size), inputs.value.narrow(1, 0, size)}, index, index * size});
  }
}

}  // namespace

at::Tensor released_fixed(Communicator& communicator, const ReleasedInputs& inputs,
                          const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size == 1) return spans_over_all(all, pairs_of(arguments), arguments.is_causal);
  python_assert(all.seq_len() % ring_size == 0);
  LseAccumulator merged;
  const auto visit = [&](const RingChunk& chunk) {
    merged.add(undivided(chunk.inputs, chunk.start, arguments.is_causal));
  };
  if (communicator.world_size() == 1) {
    ring_of_one(all, ring_size, visit);
  } else {
    key_value_ring(communicator, all, arguments, ring_size, visit);
  }
  return merged.out();
}

namespace {

/// Attention over the heads of each group, key positions matched to query positions by broadcasting, which fails unless
/// a chunk is one row or all rows. The causal mask compares positions but lies over heads.
at::Tensor mix_groups(const FullInputs& inputs, std::size_t pairs, std::int64_t chunk_start, bool is_causal) {
  at::Tensor out = at::zeros_like(inputs.query);
  const double root = std::sqrt(static_cast<double>(inputs.query.size(3)));
  for (const HeadGroup& group : head_groups(GroupRule::last_takes_rest, inputs.query.size(2), pairs)) {
    const FullInputs heads = heads_of(inputs, group);
    at::Tensor scores = at::matmul(heads.query, heads.key.transpose(-2, -1)) / root;
    if (is_causal) {
      const at::Tensor visible = triangle(inputs.query.size(1), inputs.key.size(1), -chunk_start, scores.device());
      scores.masked_fill_(visible.logical_not().unsqueeze(0).unsqueeze(2), -std::numeric_limits<double>::infinity());
    }
    out.narrow(2, group.first, group.count).copy_(at::matmul(at::softmax(scores, -1), heads.value));
  }
  return out;
}

/// Chunks of ⌈n/R⌉ rows, padded with zero rows; results added. The first R ranks alone make the ring.
at::Tensor sum_over_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                         std::int64_t ring_size) {
  const Chunks chunks{inputs.seq_len(), ring_size};
  const auto own = [&](const at::Tensor& tensor) {
    return pad_rows(chunk_of(tensor, chunks, communicator.rank()), chunks.size());
  };
  at::Tensor sum = at::zeros_like(inputs.query);
  ring_pass(communicator, {own(inputs.key), own(inputs.value)}, {.ring_size = ring_size}, [&](const RingStep& step) {
    sum.add_(mix_groups({inputs.query, step.tensors[0], step.tensors[1]}, arguments.segment_lengths.size(),
                        step.source * chunks.size(), arguments.is_causal));
  });
  return sum;
}

}  // namespace

at::Tensor released_fixed_first(Communicator& communicator, const ReleasedInputs& inputs,
                                const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::int64_t ring_size =
      std::min<std::int64_t>(ring_size_or_world(arguments, communicator), communicator.world_size());
  const bool is_member = ring_size > 1 && communicator.rank() < ring_size;
  return as_in_python([&] {
    return is_member ? sum_over_ring(communicator, all, arguments, ring_size)
                     : mix_groups(all, arguments.segment_lengths.size(), 0, arguments.is_causal);
  });
}

}  // namespace ringattn::legacy
