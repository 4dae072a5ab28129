#include "legacy/block_pattern.h"
#include "legacy/curves.h"
#include "legacy/merges.h"
#include "legacy/raises.h"
#include "legacy/released.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>

// The four Python variants of the new API @5016586: dense attention of a rank's rows over what comes round, whatever
// the lists say, its own rows back. From the first hop on K is V: both were received into one buffer.

namespace ringattn::legacy {
namespace {

using ChunkAttention = std::function<ChunkResult(const FullInputs& chunk)>;

Json config_of(const ReleasedArguments& arguments) {
  const auto config = arguments.constructor.find("config");
  return config != arguments.constructor.end() && config->is_object() ? *config : Json::object();
}

/// What the imports, the configuration and the call refused, in this order. `rows`: as the call was given them.
void require_valid(const Communicator& communicator, const ReleasedArguments& arguments, std::int64_t rows) {
  if (arguments.commit.rfind("36c40da", 0) == 0) {
    throw LegacyRaises("ImportError",
                       "cannot import name 'validate_ring_setup' from 'dilated_attention_pytorch.utils.validation'");
  }
  const auto& lengths = arguments.segment_lengths;
  if (lengths.empty()) throw LegacyRaises("ValueError", "segment_lengths must not be empty");
  if (lengths.size() != arguments.dilation_rates.size()) {
    throw LegacyRaises("ValueError", "segment_lengths and dilation_rates must have the same length");
  }
  const auto require = [&](std::int64_t divisor, const std::string& what) {
    if (rows % divisor == 0) return;
    throw LegacyRaises("ValueError", "Sequence length " + std::to_string(rows) + " must be divisible by " + what + " " +
                                         std::to_string(divisor));
  };
  require(communicator.world_size(), "world size");
  require(*std::max_element(lengths.begin(), lengths.end()), "largest segment");
}

/// Rows as they were given, cut to the rank's own unless they are.
FullInputs local_inputs(const Communicator& communicator, const ReleasedInputs& inputs,
                        const ReleasedArguments& arguments) {
  FullInputs given = attention_inputs(inputs);
  const auto own = [&](const FullInputs& all) {
    return FullInputs{own_rows(communicator, all.query), own_rows(communicator, all.key),
                      own_rows(communicator, all.value)};
  };
  if (arguments.is_presplit) given = own(given);
  require_valid(communicator, arguments, given.seq_len());
  const bool is_split = option<bool>(arguments.call, "already_split", false) || communicator.world_size() == 1;
  return is_split ? given : own(given);
}

/// The mask of the call is added to every chunk's scores uncut, and the causal triangle is laid over every chunk alike.
ChunkResult attend_chunk(const FullInputs& chunk, const at::Tensor& mask, bool is_causal,
                         const at::Tensor& pattern = {}) {
  at::Tensor scores = masked_scores(chunk.query, chunk.key, pattern);
  if (mask.defined()) scores = scores + mask;
  if (is_causal) {
    const at::Tensor hidden = triangle(scores.size(2), scores.size(3), 0, scores.device()).logical_not();
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  }
  return {at::matmul(at::softmax(scores, -1), chunk.value.transpose(1, 2)).transpose(1, 2), at::logsumexp(scores, -1)};
}

/// Right, apart from rows that see nothing: they are NaN.
ChunkResult joined(const ChunkResult& a, const ChunkResult& b) {
  const at::Tensor larger = at::maximum(a.lse, b.lse);
  const at::Tensor weight_a = (a.lse - larger).exp(), weight_b = (b.lse - larger).exp();
  const auto per_row = [](const at::Tensor& weight) { return weight.transpose(1, 2).unsqueeze(-1); };
  return {(a.out * per_row(weight_a) + b.out * per_row(weight_b)) / (per_row(weight_a) + per_row(weight_b)),
          larger + (weight_a + weight_b).log()};
}

/// Calls `visit` with the V that stood in for K and V at each step after the first. A race decided which, where the
/// recording says; else the buffer as it would be without one: the first hop brings K, and V into the same place; each
/// later hop sends that place on twice.
void aliased_ring(Communicator& communicator, const FullInputs& local, const ReleasedArguments& arguments,
                  const std::function<void(const at::Tensor&)>& visit) {
  const int ranks = communicator.world_size();
  if (!arguments.chunk_sequence.empty()) {
    const std::vector<at::Tensor> values = all_gather(communicator, local.value);
    const auto& used = arguments.chunk_sequence.at(static_cast<std::size_t>(communicator.rank()));
    for (std::size_t step = 1; step < used.size(); ++step) visit(values.at(static_cast<std::size_t>(used[step])));
    return;
  }
  at::Tensor key = local.key.contiguous(), value = local.value.contiguous();
  for (int step = 1; step < ranks; ++step) {
    key = pass_on(communicator, {key}, ranks, 2 * step - 2).front();
    if (step > 1) value = key;
    value = pass_on(communicator, {value}, ranks, 2 * step - 1).front();
    key = value;
    visit(value);
  }
}

at::Tensor ring(Communicator& communicator, const FullInputs& local, const ReleasedArguments& arguments,
                const ChunkAttention& attention) {
  ChunkResult sum = attention(local);
  if (communicator.world_size() == 1) return sum.out;
  aliased_ring(communicator, local, arguments, [&](const at::Tensor& value) {
    sum = joined(sum, attention({local.query, value, value}));
  });
  communicator.barrier();
  return sum.out;
}

// StandardRingAttention and DistributedRingAttention: the second differs in what it watches and counts.
at::Tensor standard(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const FullInputs local = local_inputs(communicator, inputs, arguments);
  const at::Tensor mask = inputs.find("attention_mask");
  return ring(communicator, local, arguments,
              [&](const FullInputs& chunk) { return attend_chunk(chunk, mask, arguments.is_causal); });
}

// HilbertRingAttention: a rank's rows, 64 or more, in the order M2. Triangle and mask lie over the order.
at::Tensor hilbert(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const FullInputs local = local_inputs(communicator, inputs, arguments);
  const at::Tensor mask = inputs.find("attention_mask");
  const auto attention = [&](const FullInputs& chunk) { return attend_chunk(chunk, mask, arguments.is_causal); };
  const bool is_ordered = option<bool>(config_of(arguments), "use_hilbert", false) && local.seq_len() >= 64;
  if (!is_ordered) return ring(communicator, local, arguments, attention);
  const at::Tensor order = hilbert_order(local.seq_len());
  return ring(communicator, rows_of(local, order), arguments, attention).index_select(1, order.argsort());
}

BlockSetting block_setting(const ReleasedArguments& arguments) {
  return {option<std::int64_t>(arguments.constructor, "block_size", 64),
          option<double>(arguments.constructor, "sparsity_ratio", 0.9),
          option<std::string>(arguments.constructor, "pattern_type", "local")};
}

// BlockSparseRingAttention: one pattern of a rank's rows for all heads, laid over every chunk. Its density is forced by
// drawing blocks, on each rank others; rows that keep no block are NaN.
at::Tensor block_sparse(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const BlockSetting setting = block_setting(arguments);
  const FullInputs local = local_inputs(communicator, inputs, arguments);
  const bool is_split = communicator.world_size() > 1 && !option<bool>(arguments.call, "already_split", false);
  if (is_split) assert_divisible(inputs.tensor("query").size(1), setting.block_size, "block size");
  const std::int64_t rows = local.seq_len();
  const at::Tensor drawn = inputs.find("aux/block_pattern");
  const at::Tensor pattern = drawn.defined() ? drawn : forced_pattern(setting, rows, local.heads());
  const at::Tensor visible = visible_in_blocks(pattern, setting.block_size, rows);
  const at::Tensor mask = inputs.find("attention_mask");
  return ring(communicator, local, arguments,
              [&](const FullInputs& chunk) { return attend_chunk(chunk, mask, arguments.is_causal, visible); });
}

template <ReleasedClass run>
at::Tensor python(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  return as_in_python([&] { return run(communicator, inputs, arguments); });
}

constexpr std::array entries{
    ReleasedEntry{"standard_shipped", python<standard>},
    ReleasedEntry{"distributed_shipped", python<standard>},
    ReleasedEntry{"hilbert_shipped", python<hilbert>},
    ReleasedEntry{"block_sparse_shipped", python<block_sparse>},
};

}  // namespace

std::span<const ReleasedEntry> new_variant_classes() { return entries; }

}  // namespace ringattn::legacy
