#include "legacy/merges.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

// The first two classes named RingDilatedAttentionV3: V3a (@efdbf7b) is V2 without its ring; V3b (@aa4c231) attends all
// slots of dilated keys in one process, and without dilation in a ring.

namespace ringattn::legacy {
namespace {

/// Slots of V3b: in each segment of w rows, rows offset, offset + r, … and then the segment's first rows until it is
/// full; a segment shorter than r as it is. `offset` is not taken mod r.
at::Tensor refilled_index(const PairPart& pair, std::int64_t rows, at::Device device) {
  const at::Tensor all = at::arange(rows, at::TensorOptions(at::kLong).device(device));
  std::vector<at::Tensor> slots;
  for (std::int64_t start = 0; start < rows; start += pair.segment_length) {
    const at::Tensor segment = all.slice(0, start, std::min(start + pair.segment_length, rows));
    const std::int64_t length = segment.size(0);
    if (length < pair.dilation_rate) {
      slots.push_back(segment);
      continue;
    }
    const at::Tensor dilated = segment.slice(0, std::min(pair.index, length), length, pair.dilation_rate);
    slots.push_back(at::cat({dilated, segment.slice(0, 0, length - dilated.size(0))}));
  }
  return at::cat(slots);
}

at::Tensor refill(const at::Tensor& tensor, const std::vector<PairPart>& parts) {
  at::Tensor result = tensor.clone();
  for (const PairPart& pair : parts) {
    if (pair.dilation_rate == 1 || pair.heads.count == 0) continue;
    const at::Tensor index = refilled_index(pair, tensor.size(1), tensor.device());
    result.narrow(2, pair.heads.first, pair.heads.count)
        .copy_(tensor.narrow(2, pair.heads.first, pair.heads.count).index_select(1, index));
  }
  return result;
}

ChunkResult attend_nothing(const at::Tensor& query) {
  return {at::zeros_like(query), at::full({query.size(0), query.size(2), query.size(1)},
                                          -std::numeric_limits<double>::infinity(), query.options())};
}

/// One chunk in tiles of `bucket` queries and keys, joined twice: within a bucket of queries, and then over full
/// tensors that are empty outside the bucket. Causal: the mask was taken for its opposite, so that a query sees what
/// comes after it, and a tile with nothing after it makes its queries NaN.
ChunkResult attend_bucketed(const RingChunk& chunk, std::int64_t bucket, bool is_causal) {
  const FullInputs& inputs = chunk.inputs;
  const at::Device device = inputs.query.device();
  LseAccumulator all;
  const std::int64_t keys = inputs.key.size(1);
  if (keys == 0) return attend_nothing(inputs.query);  // a rank outside the ring
  for (std::int64_t a = 0; a < inputs.query.size(1); a += bucket) {
    const at::Tensor query = inputs.query.slice(1, a, a + bucket);
    LseAccumulator own;
    for (std::int64_t b = 0; b < keys; b += bucket) {
      const at::Tensor key = inputs.key.slice(1, b, b + bucket);
      at::Tensor visible;
      if (is_causal) visible = triangle(query.size(1), key.size(1), a - b - chunk.start, device).logical_not();
      own.add(attend_with_lse(query, key, inputs.value.slice(1, b, b + bucket), visible));
    }
    const ChunkResult full = attend_nothing(inputs.query);
    full.out.slice(1, a, a + bucket).copy_(own.out());
    full.lse.slice(2, a, a + bucket).copy_(own.lse());
    all.add(full);
  }
  return {all.out(), all.lse()};
}

ChunkResult attend_whole(const RingChunk& chunk, bool is_causal) {
  const FullInputs& inputs = chunk.inputs;
  at::Tensor visible;
  if (is_causal) visible = triangle(inputs.query.size(1), inputs.key.size(1), -chunk.start, inputs.query.device());
  return attend_with_lse(inputs.query, inputs.key, inputs.value, visible);
}

at::Tensor v3b(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size =
      communicator.world_size() == 1 ? 1 : arguments.ring_size.value_or(communicator.world_size());
  if (ring_size == 1) {
    const auto parts = pair_parts(pairs_of(arguments), inputs.query.size(2), GroupRule::last_larger);
    return attention_mixer(arguments.is_causal)({inputs.query, refill(inputs.key, parts), refill(inputs.value, parts)});
  }
  const bool is_bucketed = option(arguments.constructor, "use_bucketed", true);
  const std::int64_t bucket = option(arguments.constructor, "bucket_size", std::int64_t{1024});
  LseAccumulator merged;
  key_value_ring(communicator, inputs, arguments, ring_size, [&](const RingChunk& chunk) {
    merged.add(is_bucketed ? attend_bucketed(chunk, bucket, arguments.is_causal)
                           : attend_whole(chunk, arguments.is_causal));
  });
  return merged.out();
}

/// The constructor made the slots of the first four offsets below r in advance.
void precompute_slots(const ReleasedArguments& arguments) {
  const bool is_asked =
      option(arguments.constructor, "use_pattern_cache", true) && option(arguments.constructor, "cache_on_gpu", true);
  for (const Pair& pair : is_asked ? pairs_of(arguments) : std::vector<Pair>{}) {
    const std::int64_t offsets = pair.dilation_rate > 1 ? std::min<std::int64_t>(pair.dilation_rate, 4) : 0;
    for (std::int64_t offset = 0; offset < offsets; ++offset) {
      cyclic_index(offset, pair.segment_length, pair.dilation_rate, at::kCPU);
    }
  }
}

/// V2's function in one process: keys of each segment dilated to as many slots, all rows queries.
at::Tensor v2_alone(const FullInputs& inputs, const ReleasedArguments& arguments) {
  return keys_by_segment(inputs, pair_parts(pairs_of(arguments), inputs.query.size(2), GroupRule::last_larger),
                         arguments.is_causal);
}

}  // namespace

at::Tensor released_v3a(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  precompute_slots(arguments);
  const FullInputs all = attention_inputs(inputs);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size == 1) return v2_alone(all, arguments);
  if (communicator.world_size() > 1) {
    throw LegacyRaises("NotImplementedError", "Distributed mode not yet implemented in V3");
  }
  at::Tensor out = at::zeros_like(all.query);
  const std::int64_t size = all.seq_len() / ring_size;
  for (std::int64_t chunk = 0; size > 0 && chunk < ring_size; ++chunk) {
    out.narrow(1, chunk * size, size).copy_(v2_alone(rows_of(all, chunk * size, size), arguments));
  }
  return out;
}

at::Tensor released_v3b(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  return v3b(communicator, attention_inputs(inputs), arguments);
}

at::Tensor released_v3b_multihead(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  return project_out(inputs, v3b(communicator, project_separate(inputs, recorded_heads(arguments)), arguments));
}

}  // namespace ringattn::legacy
