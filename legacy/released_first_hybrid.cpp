#include "legacy/merges.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

// RingDilatedAttentionHybrid in its first generation (@aa4c231, @9971624): queries, keys and values gathered by a
// cyclic index over all rows that a rank has, segments ignored, and results left in slot order.

namespace ringattn::legacy {
namespace {

/// Each group's heads by cyclic_index over all rows of `tensor`, however few.
at::Tensor dilate_rows(const at::Tensor& tensor, const std::vector<PairPart>& parts) {
  at::Tensor result = tensor.clone();
  for (const PairPart& pair : parts) {
    if (pair.dilation_rate == 1 || pair.heads.count == 0) continue;
    const at::Tensor index = cyclic_index(pair.offset(), tensor.size(1), pair.dilation_rate, tensor.device());
    const at::Tensor heads = tensor.narrow(2, pair.heads.first, pair.heads.count);
    result.narrow(2, pair.heads.first, pair.heads.count).copy_(heads.index_select(1, index));
  }
  return result;
}

/// Causal, the mask of what is allowed was taken for its opposite: a row sees the slots after it in later chunks.
ChunkResult attend_chunk(const at::Tensor& query, const RingChunk& chunk, bool is_causal) {
  at::Tensor visible;
  if (is_causal) {
    visible = triangle(query.size(1), chunk.inputs.key.size(1), -chunk.start, query.device()).logical_not();
  }
  return attend_with_lse(query, chunk.inputs.key, chunk.inputs.value, visible);
}

at::Tensor first_hybrid(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const auto parts = pair_parts(pairs_of(arguments), inputs.query.size(2), GroupRule::last_larger);
  const std::int64_t ring_size = ring_size_when_distributed(arguments, communicator);
  if (ring_size == 1) {
    return attention_mixer(arguments.is_causal)(
        {dilate_rows(inputs.query, parts), dilate_rows(inputs.key, parts), dilate_rows(inputs.value, parts)});
  }
  const at::Tensor query = dilate_rows(inputs.query, parts);
  LseAccumulator merged;
  key_value_ring(
      communicator, inputs, arguments, ring_size,
      [&](const RingChunk& chunk) { merged.add(attend_chunk(query, chunk, arguments.is_causal)); },
      [&](const at::Tensor& chunk) { return dilate_rows(chunk, parts); });
  return merged.out();
}

}  // namespace

at::Tensor released_first_hybrid(Communicator& communicator, const ReleasedInputs& inputs,
                                 const ReleasedArguments& arguments) {
  return first_hybrid(communicator, attention_inputs(inputs), arguments);
}

namespace {

/// gate_fn of gate_proj(query), which the core's result is multiplied by.
at::Tensor gate(const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const std::string function = option(arguments.constructor, "gate_fn", std::string());
  const double temperature = optional_number(arguments.constructor, "gate_temperature").value_or(1.0);
  const at::Tensor x = linear(inputs, "gate_proj", inputs.tensor("query"));
  if (function == "sigmoid") return at::sigmoid(x / temperature);
  if (function == "tanh") return at::tanh(x / temperature);
  if (function == "relu") return at::relu(x);
  if (function == "gelu") return at::gelu(x);
  throw LegacyRaises("ValueError", "Unknown gate function: " + function);
}

}  // namespace

/// q_proj, k_proj, v_proj, a LayerNorm of queries and keys (layer_norm), the core, a gate (gate_fn), out_proj.
at::Tensor released_first_hybrid_multihead(Communicator& communicator, const ReleasedInputs& inputs,
                                           const ReleasedArguments& arguments) {
  const std::int64_t heads = recorded_heads(arguments);
  FullInputs all = project_separate(inputs, heads);
  if (option(arguments.constructor, "layer_norm", false)) {
    all.query = split_heads(layer_norm(inputs, "q_ln", join_heads(all.query)), heads);
    all.key = split_heads(layer_norm(inputs, "k_ln", join_heads(all.key)), heads);
  }
  at::Tensor core = first_hybrid(communicator, all, arguments);
  if (!option(arguments.constructor, "gate_fn", std::string()).empty()) {
    core = core * split_heads(gate(inputs, arguments), heads);
  }
  return project_out(inputs, core);
}

}  // namespace ringattn::legacy
