#include "config/error.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"
#include "legacy/residues.h"

#include <ATen/ATen.h>

#include <functional>
#include <vector>

// RingDilatedAttentionSimpleTriton (@3ce07ad): no Triton in it, and all heads for every pair.

namespace ringattn::legacy {
namespace {

/// Rows t mod r, t mod r + r, … of segment t attend each other, with all heads; causal in the first segment only.
at::Tensor attend_strided_segments(const FullInputs& inputs, const Pair& pair, bool is_causal) {
  at::Tensor out = at::zeros_like(inputs.query);
  each_segment(inputs.seq_len(), pair.segment_length,
               [&](std::int64_t number, std::int64_t start, std::int64_t length) {
                 const at::Tensor rows =
                     strided_index(number % pair.dilation_rate, length, pair.dilation_rate, out.device()) + start;
                 if (rows.size(0) == 0) return;
                 out.index_copy_(1, rows, library_attention(rows_of(inputs, rows), is_causal && number == 0));
               });
  return out;
}

/// Rows p ≡ number (mod r) of each segment, one at a time, attend the rows ≡ p of the chunk, no segment's limits;
/// causal those at or before p. Without such a key a row is 0.
at::Tensor attend_residues(const RingChunk& chunk, const Pair& pair, bool is_causal) {
  const FullInputs& inputs = chunk.inputs;
  const std::int64_t r = pair.dilation_rate;
  const at::Tensor all_keys = positions_from(chunk.start, inputs.key.size(1), inputs.key.device());
  at::Tensor out = at::zeros_like(inputs.query);
  each_segment(
      inputs.seq_len(), pair.segment_length, [&](std::int64_t number, std::int64_t start, std::int64_t length) {
        const at::Tensor keys = residue_class(all_keys, number % r, r);
        for (std::int64_t p = start + (number % r - start % r + r) % r; p < start + length; p += r) {
          const at::Tensor seen = is_causal ? keys.index_select(0, keys.le(p).nonzero().squeeze(1)) : keys;
          if (seen.size(0) == 0) continue;
          const at::Tensor rows = seen - chunk.start;
          out.narrow(1, p, 1).copy_(library_attention(
              {inputs.query.narrow(1, p, 1), inputs.key.index_select(1, rows), inputs.value.index_select(1, rows)}));
        }
      });
  return out;
}

at::Tensor mean_over_pairs(const std::vector<Pair>& pairs, const std::function<at::Tensor(const Pair&)>& attention) {
  std::vector<at::Tensor> results;
  for (const Pair& pair : pairs) results.push_back(attention(pair));
  return at::stack(results).mean(0);
}

/// The class shuffled its indices by torch.randperm: of no effect unless a triangle was laid over them.
void refuse_shuffled(const ReleasedArguments& arguments, std::int64_t ring_size) {
  if (!arguments.is_causal || ring_size > 1 || !option(arguments.constructor, "use_hilbert", true)) return;
  throw Unavailable("use_hilbert: causal results hang on a random permutation that was not recorded");
}

}  // namespace

at::Tensor released_simple_triton(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  const FullInputs all = attention_inputs(inputs);
  const std::vector<Pair> pairs = pairs_of(arguments);
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  refuse_shuffled(arguments, ring_size);
  if (ring_size == 1) {
    return mean_over_pairs(pairs,
                           [&](const Pair& pair) { return attend_strided_segments(all, pair, arguments.is_causal); });
  }
  LseAccumulator merged;
  key_value_ring(communicator, all, arguments, ring_size, [&](const RingChunk& chunk) {
    const at::Tensor out =
        mean_over_pairs(pairs, [&](const Pair& pair) { return attend_residues(chunk, pair, arguments.is_causal); });
    merged.add(with_constant_lse(out, static_cast<double>(chunk.index + 1)));
  });
  return merged.out();
}

}  // namespace ringattn::legacy
