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

[[noreturn]] void raise_no_driver() {
  throw LegacyRaises("RuntimeError", "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU");
}

std::vector<PairPart> parts_of(const FullInputs& inputs, const ReleasedArguments& arguments) {
  return pair_parts(recorded_pairs(arguments), inputs.heads(), GroupRule::last_larger);
}

/// Row t belongs to query cyclic_index[t] and is left there. Causal: the first chunk has a triangle over slots, later
/// ones see all but what lies beyond it: slot j of chunk c is visible to row t iff j <= t + c·C.
void add_chunk(OnlineSoftmax& softmax, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
               std::int64_t first, bool is_causal) {
  softmax.add(masked_scores(query, key, chunk_visible(is_causal, query.size(1), key.size(1), -first, query.device())),
              value);
}

/// One process plays R ranks; chunks without rows are left out.
at::Tensor simulated(const FullInputs& inputs, const ReleasedArguments& arguments, const Chunks& chunks) {
  const auto parts = parts_of(inputs, arguments);
  const at::Tensor query = dilate_whole(inputs.query, parts);
  OnlineSoftmax softmax;
  for (std::int64_t c = 0; c < chunks.count && chunks.rows(c) > 0; ++c) {
    const at::Tensor key = dilate_whole(chunk_of(inputs.key, chunks, c), parts);
    const at::Tensor value = dilate_whole(chunk_of(inputs.value, chunks, c), parts);
    add_chunk(softmax, query, key, value, chunks.first(c), arguments.is_causal);
  }
  return softmax.result(1e-8);
}

/// Every rank gathers all dilated chunks, padded with zero rows that it takes off again.
at::Tensor gathered(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                    const Chunks& chunks) {
  const auto parts = parts_of(inputs, arguments);
  const auto gather = [&](const at::Tensor& whole) {
    const at::Tensor own = dilate_whole(chunk_of(whole, chunks, communicator.rank()), parts);
    return all_gather(communicator, pad_rows(own, chunks.size()));
  };
  if (chunks.rows(chunks.count - 1) == 0) {
    throw LegacyRaises("IndexError", "amax(): Expected reduction dim 3 to have non-zero size.");
  }
  const std::vector<at::Tensor> keys = gather(inputs.key), values = gather(inputs.value);
  const at::Tensor query = dilate_whole(inputs.query, parts);
  OnlineSoftmax softmax;
  for (std::int64_t step = 0; step < chunks.count; ++step) {
    const std::int64_t c = (communicator.rank() - step + chunks.count) % chunks.count;
    const auto trimmed = [&](const std::vector<at::Tensor>& all) {
      return all[static_cast<std::size_t>(c)].narrow(1, 0, chunks.rows(c));
    };
    add_chunk(softmax, query, trimmed(keys), trimmed(values), chunks.first(c), arguments.is_causal);
  }
  return softmax.result(1e-8);
}

at::Tensor on_several_ranks(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                            std::int64_t ring_size) {
  if (ring_size < communicator.world_size()) {
    throw LegacyRaises("RuntimeError",
                       "ProcessGroupGloo::allgather: invalid output tensor list at index 0 (expected length " +
                           std::to_string(communicator.world_size()) + ", got " + std::to_string(ring_size) + ")");
  }
  return gathered(communicator, inputs, arguments, {inputs.seq_len(), communicator.world_size()});
}

/// One pair where the class that it delegates to is missing: in each segment of ℓ = min(w, n) rows, Q, K and V are all
/// gathered by slots ((0, r, 2r, … < ℓ) + offset) mod ℓ, repeated to ℓ, and left in slot order; what remains attends
/// itself. The causal triangle is moved by the segment's first row, so that it hides nothing after the first segment.
at::Tensor slot_ordered_part(const PairPart& pair, const FullInputs& heads, bool is_causal) {
  const std::int64_t n = heads.seq_len();
  const std::int64_t length = std::min(pair.segment_length, n);
  at::Tensor slots = cyclic_index(0, length, pair.dilation_rate, heads.query.device());
  if (pair.dilation_rate > 1) slots = (slots + pair.offset()).remainder(length);
  at::Tensor out = at::empty_like(heads.query);
  for (std::int64_t start = 0; start < n; start += length) {
    FullInputs segment = rows_of(heads, start, std::min(length, n - start));
    if (segment.seq_len() == length) segment = rows_of(segment, slots);
    const at::Tensor result = attention_mixer(is_causal && start == 0)(segment);
    out.narrow(1, start, segment.seq_len()).copy_(result);
  }
  return out;
}

at::Tensor without_improved(const FullInputs& inputs, const ReleasedArguments& arguments) {
  return by_head_group(inputs, parts_of(inputs, arguments), [&](const PairPart& pair, const FullInputs& heads) {
    return slot_ordered_part(pair, heads, arguments.is_causal);
  });
}

bool lacks_improved(const ReleasedArguments& arguments) {
  return arguments.patched.find("HAS_IMPROVED_ATTENTION=False") != std::string::npos;
}

/// After the constructor.
at::Tensor collective(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size == 1) {
    return lacks_improved(arguments) ? without_improved(inputs, arguments) : improved(communicator, inputs, arguments);
  }
  if (communicator.world_size() == 1) return simulated(inputs, arguments, {inputs.seq_len(), ring_size});
  return on_several_ranks(communicator, inputs, arguments, ring_size);
}

bool uses_flash(const ReleasedArguments& arguments) {
  return option(arguments.constructor, "use_flash_attention", true);
}

}  // namespace

at::Tensor ring_v2_collective(Communicator& communicator, const FullInputs& inputs,
                              const ReleasedArguments& arguments) {
  if (!uses_flash(arguments)) return collective(communicator, inputs, arguments);
  if (communicator.rank() == 0) raise_no_driver();  // it alone prints the device's name
  if (ring_size_or_world(arguments, communicator) > 1)
    wait_for_ever(communicator, arguments);  // for rank 0 in all_gather
  return collective(communicator, inputs, arguments);
}

at::Tensor ring_v2_flash(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  if (uses_flash(arguments)) raise_no_driver();
  return collective(communicator, inputs, arguments);
}

at::Tensor ring_v2_collective_early(Communicator& communicator, const FullInputs& inputs,
                                    const ReleasedArguments& arguments) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (communicator.world_size() == 1 || ring_size == 1) return ring_v2(communicator, inputs, arguments);
  const auto parts = parts_of(inputs, arguments);
  for (const at::Tensor& tensor : {inputs.query, inputs.key, inputs.value})
    keys_by_segment({tensor, tensor, tensor}, parts, arguments.is_causal);  // computed and thrown away
  return on_several_ranks(communicator, inputs, arguments, ring_size);
}

}  // namespace ringattn::legacy
