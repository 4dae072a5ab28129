#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

// Classes that forgot to swap positions and heads before multiplying: query position p meets the heads of one key
// position, and shapes that do not fit raise. TrueRingDilatedAttention (@aa4c231), and the fallback that the wrapper
// HybridFixed (@da6862b) always took.

namespace ringattn::legacy {
namespace {

at::Tensor unswapped_scores(const FullInputs& inputs, double scale) {
  return at::matmul(inputs.query, inputs.key.transpose(-2, -1)) * scale;
}

/// What a triangle over (query position, key position) hides. Laid over scores it lies over heads.
at::Tensor hidden(const FullInputs& inputs) {
  return triangle(inputs.query.size(1), inputs.key.size(1), 0, inputs.query.device())
      .logical_not()
      .unsqueeze(0)
      .unsqueeze(0);
}

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// Key position p is replaced by (p · r) mod n, r of the first pair; the other pairs are unused.
at::Tensor true_alone(const FullInputs& inputs, std::int64_t r, bool is_causal) {
  const std::int64_t n = inputs.key.size(1);
  const at::Tensor index = at::arange(n, at::TensorOptions(at::kLong)).mul_(r).remainder_(n);
  const FullInputs moved{inputs.query, inputs.key.index_select(1, index), inputs.value.index_select(1, index)};
  at::Tensor scores = unswapped_scores(moved, 1.0 / std::sqrt(static_cast<double>(inputs.query.size(3))));
  if (is_causal) scores.masked_fill_(hidden(moved), minus_infinity);
  return at::matmul(at::softmax(scores, -1), moved.value);
}

/// The ring's first step: the output so far is rescaled by a factor that has one dimension too many.
at::Tensor rescale_output(const FullInputs& inputs) {
  const at::Tensor factor = at::ones_like(inputs.query.narrow(3, 0, 1)).transpose(1, 2).unsqueeze(-1);
  const at::Tensor rescaled = at::zeros_like(inputs.query).transpose(1, 2) * factor;
  return at::zeros_like(inputs.query).copy_(rescaled.transpose(1, 2));
}

at::Tensor true_ring(const Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  const std::int64_t r = arguments.dilation_rates.at(0);
  if (ring_size == 1) return as_in_python([&] { return true_alone(inputs, r, arguments.is_causal); });
  assert_divisible(inputs.seq_len(), ring_size);
  return as_in_python([&] { return rescale_output(inputs); });
}

}  // namespace

at::Tensor released_true(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  return true_ring(communicator, attention_inputs(inputs), arguments);
}

at::Tensor released_true_multihead(Communicator& communicator, const ReleasedInputs& inputs,
                                   const ReleasedArguments& arguments) {
  return project_out(inputs, true_ring(communicator, project_separate(inputs, recorded_heads(arguments)), arguments));
}

namespace {

/// Keys start, start + r, … as many as the segment has rows, cut at the end of the sequence.
at::Tensor mix_segment(const FullInputs& inputs, std::int64_t start, std::int64_t rows, std::int64_t r, double scale,
                       bool is_causal) {
  const auto keys = [&](const at::Tensor& tensor) {
    return tensor.slice(1, start, std::min(start + rows * r, inputs.seq_len()), r);
  };
  const FullInputs segment{inputs.query.narrow(1, start, rows), keys(inputs.key), keys(inputs.value)};
  at::Tensor scores = unswapped_scores(segment, scale);
  if (is_causal) scores = scores.masked_fill(hidden(segment), minus_infinity);  // may grow to the mask's shape
  return at::matmul(at::softmax(scores, -1), segment.value);
}

at::Tensor hybrid_fallback(const FullInputs& inputs, const ReleasedArguments& arguments, double scale) {
  at::Tensor out = at::zeros_like(inputs.query);
  for (const Pair& pair : pairs_of(arguments)) {
    const std::int64_t w = std::min(pair.segment_length, inputs.seq_len());
    for (std::int64_t start = 0; start < inputs.seq_len(); start += w) {
      const std::int64_t rows = std::min(w, inputs.seq_len() - start);
      out.narrow(1, start, rows)
          .copy_(mix_segment(inputs, start, rows, pair.dilation_rate, scale, arguments.is_causal));
    }
  }
  return out;
}

}  // namespace

/// No communication; later pairs overwrite earlier ones. The scale is "dim"^-½, 64 where it was not given.
at::Tensor released_hybrid_wrapper(Communicator& /*communicator*/, const ReleasedInputs& inputs,
                                   const ReleasedArguments& arguments) {
  const std::int64_t head_dim = option(arguments.constructor, "head_dim", std::int64_t{64});
  const std::int64_t given = option(arguments.constructor, "dim", std::int64_t{0});
  const double scale = 1.0 / std::sqrt(static_cast<double>(given != 0 ? given : head_dim));
  return as_in_python([&] { return hybrid_fallback(attention_inputs(inputs), arguments, scale); });
}

}  // namespace ringattn::legacy
