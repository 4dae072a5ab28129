#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>

// RingDilatedAttentionProduction (@7372106) and its wrapper: no ring at all. Queries, keys and values of each segment
// are gathered by the same cyclic index to as many slots, and scattered back to the rows they came from.

namespace ringattn::legacy {
namespace {

struct Setting {
  bool is_causal = false;
  std::optional<double> softmax_scale{};
};

/// As the library's kernel did it for the rows that fill no segment.
at::Tensor attend_rest(const FullInputs& rest, const Setting& setting) {
  return at::scaled_dot_product_attention(rest.query.transpose(1, 2), rest.key.transpose(1, 2),
                                          rest.value.transpose(1, 2), {}, 0.0, setting.is_causal, setting.softmax_scale)
      .transpose(1, 2);
}

/// (batch, segments, slots, heads, dim) each, all segments at once; a triangle over slots.
at::Tensor attend_slots(const FullInputs& slots, const Setting& setting) {
  const auto heads_first = [](const at::Tensor& tensor) { return tensor.transpose(2, 3); };
  const double given = setting.softmax_scale.value_or(0.0);
  const double scale = given != 0.0 ? given : 1.0 / std::sqrt(static_cast<double>(slots.query.size(4)));
  at::Tensor scores = at::matmul(heads_first(slots.query), heads_first(slots.key).transpose(-2, -1)) * scale;
  if (setting.is_causal) {
    const at::Tensor visible = triangle(scores.size(-2), scores.size(-1), 0, scores.device());
    scores.masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return heads_first(at::matmul(at::softmax(scores, -1), heads_first(slots.value)));
}

/// Slots of one row are written one after the other; the last stays, and when causal that one sees most.
at::Tensor attend_segments(const FullInputs& inputs, const PairPart& pair, const Setting& setting) {
  const std::int64_t w = pair.segment_length;
  const std::int64_t whole = inputs.seq_len() / w * w;
  const auto segments = [&](const at::Tensor& tensor) { return tensor.narrow(1, 0, whole).unflatten(1, {-1, w}); };
  FullInputs slots{segments(inputs.query), segments(inputs.key), segments(inputs.value)};
  at::Tensor out = at::zeros_like(inputs.query);
  if (pair.dilation_rate > 1) {
    const at::Tensor index = cyclic_index(pair.offset(), w, pair.dilation_rate, out.device());
    const auto gathered = [&](const at::Tensor& tensor) { return tensor.index_select(2, index); };
    slots = {gathered(slots.query), gathered(slots.key), gathered(slots.value)};
    const at::Tensor scattered = at::zeros(slots.query.sizes(), out.options());
    out.narrow(1, 0, whole).copy_(at::index_copy(scattered, 2, index, attend_slots(slots, setting)).flatten(1, 2));
  } else {
    out.narrow(1, 0, whole).copy_(attend_slots(slots, setting).flatten(1, 2));
  }
  const std::int64_t rest = inputs.seq_len() - whole;
  if (rest > 0) out.narrow(1, whole, rest).copy_(attend_rest(rows_of(inputs, whole, rest), setting));
  return out;
}

/// A pair whose segment is longer than the sequence leaves its heads 0.
at::Tensor production_alone(const FullInputs& inputs, const ReleasedArguments& arguments, const Setting& setting) {
  const auto parts = pair_parts(pairs_of(arguments), inputs.query.size(2), GroupRule::last_larger);
  return by_head_group(inputs, parts, [&](const PairPart& pair, const FullInputs& heads) {
    if (heads.seq_len() < pair.segment_length) return at::zeros_like(heads.query);
    return attend_segments(heads, pair, setting);
  });
}

/// In a world of one, ring_size chunks of ⌊n/R⌋ rows each for itself; the rows that remain are 0.
at::Tensor production(const Communicator& communicator, const ReleasedInputs& inputs,
                      const ReleasedArguments& arguments, std::optional<double> softmax_scale) {
  const FullInputs all = attention_inputs(inputs);
  const Setting setting{arguments.is_causal, softmax_scale};
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (communicator.world_size() > 1 || ring_size == 1) return production_alone(all, arguments, setting);
  at::Tensor out = at::zeros_like(all.query);
  const std::int64_t size = all.seq_len() / ring_size;
  for (std::int64_t chunk = 0; size > 0 && chunk < ring_size; ++chunk) {
    out.narrow(1, chunk * size, size).copy_(production_alone(rows_of(all, chunk * size, size), arguments, setting));
  }
  return out;
}

}  // namespace

at::Tensor released_production(Communicator& communicator, const ReleasedInputs& inputs,
                               const ReleasedArguments& arguments) {
  return production(communicator, inputs, arguments, optional_number(arguments.constructor, "attention_scale"));
}

/// The wrapper's configuration knows no attention_scale.
at::Tensor released_production_fixed(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  return production(communicator, inputs, arguments, std::nullopt);
}

}  // namespace ringattn::legacy
