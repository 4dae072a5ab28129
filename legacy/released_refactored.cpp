#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>

// The two "refactored" classes (@3ce07ad), which return a value in one configuration only: the order of what went
// wrong.

namespace ringattn::legacy {
namespace {

[[noreturn]] void refuse_chunk_index() {
  throw LegacyRaises("TypeError",
                     "compute_attention_with_lse_optimized() got an unexpected keyword argument 'chunk_idx'");
}

[[noreturn]] void refuse_cache() { throw LegacyRaises("AttributeError", "'dict' object has no attribute 'put'"); }

/// For each of w rows the positions i, i + r·w, …, stacked, which wants them to be as many for all.
at::Tensor stacked_pattern(const Pair& pair, std::int64_t n) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < pair.segment_length; ++i) {
    const at::Tensor row = strided_index(i, n, pair.dilation_rate * pair.segment_length, at::kCPU);
    rows.push_back(row.slice(0, 0, pair.segment_length));
  }
  return at::stack(rows);
}

}  // namespace

at::Tensor released_refactored(Communicator& communicator, const ReleasedInputs& inputs,
                               const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size > 1) {
    assert_divisible(all.seq_len(), ring_size);
    refuse_chunk_index();
  }
  as_in_python([&] { return stacked_pattern(pairs_of(arguments).at(0), all.seq_len()); });
  if (option(arguments.constructor, "use_pattern_cache", true)) refuse_cache();
  throw LegacyRaises("ValueError", "too many values to unpack (expected 4)");
}

namespace {

/// A gather by (w, w) positions whose index has more heads than the keys have: what it made of them could not be
/// multiplied even where it passed.
at::Tensor gather_pattern(const FullInputs& inputs, std::int64_t w) {
  const at::Tensor& key = inputs.key;
  const at::Tensor index = at::zeros({w, w}, at::TensorOptions(at::kLong)).unsqueeze(0).unsqueeze(2).unsqueeze(3);
  const at::Tensor expanded = index.expand({key.size(0), -1, key.size(2), key.size(3), -1});
  return at::gather(key.transpose(1, 2).unsqueeze(3), 2, expanded.transpose(3, 4).transpose(2, 3));
}

/// Some segment, laid end to end with the others, has rows from the chunk's first on.
bool has_queries_from(const std::vector<Pair>& pairs, std::int64_t chunk_start, std::int64_t n) {
  std::int64_t covered = 0;
  for (const Pair& pair : pairs) covered += pair.segment_length;
  return chunk_start < std::min(covered, n);
}

}  // namespace

at::Tensor released_hybrid_optimized_v2_refactored(Communicator& communicator, const ReleasedInputs& inputs,
                                                   const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::vector<Pair> pairs = pairs_of(arguments);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (ring_size > 1) {
    assert_divisible(all.seq_len(), ring_size);
    if (communicator.world_size() == 1) refuse_chunk_index();
    key_value_ring(communicator, all, arguments, ring_size, [&](const RingChunk& chunk) {
      if (has_queries_from(pairs, chunk.start, all.seq_len())) refuse_chunk_index();
    });
  }
  if (option(arguments.constructor, "use_flash_attention", false)) return mix_heads(all, arguments.is_causal);
  if (option(arguments.constructor, "use_pattern_cache", true)) refuse_cache();
  as_in_python([&] { return gather_pattern(all, std::min(pairs.at(0).segment_length, all.seq_len())); });
  throw LegacyRaises("RuntimeError", "the gathered keys do not fit the queries");
}

}  // namespace ringattn::legacy
