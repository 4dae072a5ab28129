#include "config/error.h"
#include "legacy/curves.h"
#include "legacy/hybrid_rows.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace ringattn::legacy {
namespace {

/// Rows gathered by M5a, each run of `hilbert_chunk_size` rows for itself: most keys are lost, and others come often.
at::Tensor reflected(const at::Tensor& rows, const ReleasedArguments& arguments) {
  if (!option<bool>(arguments.constructor, "use_hilbert", true)) return rows;
  const std::int64_t size = option<std::int64_t>(arguments.constructor, "hilbert_chunk_size", 4096);
  std::vector<at::Tensor> runs;
  for (std::int64_t first = 0; first < rows.size(1); first += size) {
    const at::Tensor run = rows.narrow(1, first, std::min(size, rows.size(1) - first));
    runs.push_back(run.index_select(1, reflected_rank(run.size(1))));
  }
  return at::cat(runs, 1);
}

/// Queries as they are, keys and values by M5a over the whole sequence, before anything is split.
FullInputs with_reflected_keys(const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const FullInputs given = attention_inputs(inputs);
  return {given.query, reflected(given.key, arguments), reflected(given.value, arguments)};
}

bool is_ring(const ReleasedArguments& arguments, const Communicator& communicator) {
  return ring_size_when_distributed(arguments, communicator) > 1;
}

/// M7: bits reversed, or what the class drew on this rank.
at::Tensor shuffle(const ReleasedInputs& inputs) {
  const std::int64_t n = inputs.tensor("query").size(1);
  if (is_power_of_two(n)) return bit_reversal(n);
  if (inputs.contains("aux/mapping")) return inputs.tensor("aux/mapping").to(at::kLong);
  throw Unavailable("the class drew an order of " + std::to_string(n) +
                    " rows at random, and the recording has no aux/mapping");
}

/// Row p of the result is row order[p].
FullInputs reordered(const FullInputs& given, const at::Tensor& order, bool reorders_keys) {
  FullInputs inputs = rows_of(given, order);
  if (!reorders_keys) inputs = {inputs.query, given.key, given.value};
  return inputs;
}

at::Tensor put_back(const at::Tensor& out, const at::Tensor& order) { return out.index_select(1, order.argsort()); }

bool reorders_keys(const ReleasedArguments& arguments) {
  return option<bool>(arguments.constructor, "apply_hilbert_to_kv", true);
}

/// The queries of span i attend every r-th row of the *whole* sequence; rows after the spans are 0. Causal: the query's
/// position against the key's number in the strided list.
at::Tensor attend_spans_to_all(const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t n = inputs.seq_len();
  at::Tensor out = at::zeros_like(inputs.query);
  std::int64_t begin = 0;
  for (const Pair& pair : pairs_of(arguments)) {
    if (begin >= n) break;
    const std::int64_t rows = std::min(pair.segment_length, n - begin);
    const at::Tensor keys = at::arange(0, n, pair.dilation_rate);
    const at::Tensor visible = arguments.is_causal ? triangle(rows, keys.size(0), begin, at::kCPU) : at::Tensor();
    out.narrow(1, begin, rows)
        .copy_(attend_or_nan(inputs.query.narrow(1, begin, rows), inputs.key.index_select(1, keys),
                             inputs.value.index_select(1, keys), visible));
    begin += pair.segment_length;
  }
  return out;
}

/// All queries and one chunk of keys, neither segments nor dilation: Σ e^{s - m} v, never divided, yet joined as if it
/// had been.
ChunkResult undivided_chunk(const RingChunk& chunk, bool is_causal) {
  const FullInputs& inputs = chunk.inputs;
  const at::Tensor visible =
      is_causal ? triangle(inputs.seq_len(), inputs.key.size(1), -chunk.start, at::kCPU) : at::Tensor();
  const at::Tensor scores = masked_scores(inputs.query, inputs.key, visible);
  at::Tensor maximum = scores.amax(-1, true);
  maximum = at::where(maximum.isfinite(), maximum, at::zeros_like(maximum));
  const at::Tensor weights = (scores - maximum).exp();
  return {at::matmul(weights, inputs.value.transpose(1, 2)).transpose(1, 2),
          maximum.squeeze(-1) + weights.sum(-1).log()};
}

}  // namespace

// RingDilatedAttentionHybridOptimizedV2 @3ce07ad.
at::Tensor hybrid_base(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  require_patterns(arguments);
  return hybrid_forward(communicator, attention_inputs(inputs), arguments);
}

// RingDilatedAttentionHybridHilbert @36bbb90: the base, keys and values in a broken order.
at::Tensor hybrid_hilbert_36bbb90(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  require_patterns(arguments);
  return hybrid_forward(communicator, with_reflected_keys(inputs, arguments), arguments);
}

// The same @6516258: one process attends over the heads at each position.
at::Tensor hybrid_hilbert_6516258(Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const FullInputs given = with_reflected_keys(inputs, arguments);
  if (!is_ring(arguments, communicator)) return mix_heads(given, arguments.is_causal);
  return hybrid_ring(communicator, given, arguments);
}

// The same @3bb0a59 and @3ce07ad (F3/n): one process is DilatedAttention, divided by the number of pairs.
at::Tensor hybrid_hilbert_averaged(Communicator& communicator, const ReleasedInputs& inputs,
                                   const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const FullInputs given = with_reflected_keys(inputs, arguments);
  if (is_ring(arguments, communicator)) return hybrid_ring(communicator, given, arguments);
  const std::vector<Pair> pairs = pairs_of(arguments);
  require_divisible(given, pairs);
  const auto parts = pair_parts(pairs, given.heads(), GroupRule::first_larger);
  return co_indexed(given, parts, attention_mixer(arguments.is_causal)).div_(static_cast<double>(pairs.size()));
}

// RingDilatedAttentionHilbertV2 @3ce07ad: one process is the base. Several ranks: "dilated" takes the dilated queries
// in the order M5b, and rows that it leaves out stay 0; "segment" takes the keys of dilated groups in that order, while
// the causal mask keeps the natural one.
at::Tensor hilbert_v2(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const std::string mode = option<std::string>(arguments.constructor, "hilbert_mode", "dilated");
  const auto order = [](std::int64_t rows) { return reflected_order(rows); };
  HybridOrders orders;
  if (option<bool>(arguments.constructor, "use_hilbert", true)) {
    if (mode == "dilated") orders.queries = order;
    if (mode == "segment") orders.keys = order;
  }
  return hybrid_forward(communicator, attention_inputs(inputs), arguments, orders);
}

// RingDilatedAttentionHilbertOptimized @3ce07ad: the base on rows gathered by M3. With apply_hilbert_to_kv=False
// several ranks, but not one, leave keys and values as they are.
at::Tensor hilbert_optimized(Communicator& communicator, const ReleasedInputs& inputs,
                             const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const FullInputs given = attention_inputs(inputs);
  const at::Tensor order = hilbert_rank(given.seq_len());
  const bool keys_too = !is_ring(arguments, communicator) || reorders_keys(arguments);
  return put_back(hybrid_forward(communicator, reordered(given, order, keys_too), arguments), order);
}

// RingDilatedAttentionHilbertOptimizedProper @3ce07ad: the base on shuffled rows.
at::Tensor hilbert_optimized_proper(Communicator& communicator, const ReleasedInputs& inputs,
                                    const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const at::Tensor order = shuffle(inputs);
  const FullInputs given = reordered(attention_inputs(inputs), order, reorders_keys(arguments));
  return put_back(hybrid_forward(communicator, given, arguments), order);
}

// RingDilatedAttentionHilbertFixed @3ce07ad (F5), on shuffled rows.
at::Tensor hilbert_fixed(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const at::Tensor order = shuffle(inputs);
  const FullInputs given = reordered(attention_inputs(inputs), order, reorders_keys(arguments));
  if (!is_ring(arguments, communicator)) return put_back(attend_spans_to_all(given, arguments), order);
  LseAccumulator sum;
  key_value_ring(communicator, given, arguments, ring_size_or_world(arguments, communicator),
                 [&](const RingChunk& chunk) { sum.add(undivided_chunk(chunk, arguments.is_causal)); });
  return put_back(sum.out(), order);
}

}  // namespace ringattn::legacy
