#include "legacy/curves.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_support.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ringattn::legacy {
namespace {

/// What OptimizedFixed makes of its arguments.
struct Setting {
  std::vector<Pair> pairs;
  double scale = 0.125;  ///< of dim as it was given, whatever the tensors' head dimension is; 64 where it was not
  bool use_hilbert = true;
  std::int64_t chunk_size = 0;
};

Setting setting_of(const ReleasedArguments& arguments) {
  const Json settings = settings_of(arguments);
  const std::int64_t head_dim = option<std::int64_t>(settings, "head_dim", 64);
  const std::int64_t dim = option<std::int64_t>(settings, "dim", head_dim);
  std::int64_t longest = 0;
  for (const std::int64_t w : arguments.segment_lengths) longest = std::max(longest, w);
  // A configuration cannot switch the curve off: the argument's default was added to it.
  const bool in_config = arguments.constructor.contains("config") && option<bool>(settings, "use_hilbert", false);
  return {paired(arguments), 1.0 / std::sqrt(static_cast<double>(dim)),
          option<bool>(arguments.constructor, "use_hilbert", true) || in_config,
          option<std::int64_t>(settings, "hilbert_chunk_size", longest)};
}

/// max(1, ⌊H/G⌋ ) heads each; heads beyond G of these groups, and groups beyond H heads, are left out.
std::vector<PairPart> leading_groups(const std::vector<Pair>& pairs, std::int64_t heads) {
  const auto count = static_cast<std::int64_t>(pairs.size());
  const std::int64_t each = std::max<std::int64_t>(1, heads / std::max<std::int64_t>(1, count));
  std::vector<PairPart> parts;
  for (std::int64_t i = 0; i < count && i * each < heads; ++i) {
    const Pair& pair = pairs[static_cast<std::size_t>(i)];
    parts.push_back({i, pair.segment_length, pair.dilation_rate, {i * each, std::min(each, heads - i * each)}});
  }
  return parts;
}

/// softmax(scale · q kᵀ) v over every r-th key; causal: key place b·r at or before query place a; NaN weights are 0.
at::Tensor attend_strided(const FullInputs& piece, std::int64_t r, double scale, bool is_causal) {
  const std::int64_t rows = piece.query.size(1);
  const at::Tensor keys = at::arange(0, rows, r);
  at::Tensor scores = at::matmul(piece.query.transpose(1, 2), piece.key.index_select(1, keys).permute({0, 2, 3, 1}));
  scores = scores * scale;
  if (is_causal) {
    scores.masked_fill_(visible_by_position(at::arange(rows), keys).logical_not(),
                        -std::numeric_limits<double>::infinity());
  }
  const at::Tensor weights = at::softmax(scores, -1).nan_to_num(0.0);
  return at::matmul(weights, piece.value.index_select(1, keys).transpose(1, 2)).transpose(1, 2);
}

/// Each group's segments of min(w, n) rows, the last one shorter, replaced by what `part` makes of them.
at::Tensor by_segment(const FullInputs& inputs, const std::vector<Pair>& pairs,
                      const std::function<at::Tensor(const FullInputs&, const PairPart&, std::int64_t start)>& part) {
  const std::int64_t n = inputs.seq_len();
  return by_head_group(inputs, leading_groups(pairs, inputs.heads()), [&](const PairPart& pair, const FullInputs& own) {
    at::Tensor out = at::zeros_like(own.query);
    const std::int64_t w = std::min(pair.segment_length, n);
    for (std::int64_t start = 0; start < n; start += w) {
      at::Tensor rows = out.narrow(1, start, std::min(w, n - start));
      rows.copy_(part(own, pair, start));
    }
    return out;
  });
}

/// The whole sequence in the order M4 where it is longer than the chunk size, and back.
at::Tensor in_turned_order(const FullInputs& inputs, const Setting& setting,
                           const std::function<at::Tensor(const FullInputs&)>& attention) {
  const std::int64_t n = inputs.seq_len();
  if (!setting.use_hilbert || n <= setting.chunk_size) return attention(inputs);
  return attention(rows_of(inputs, turned_order(n))).index_select(1, turned_inverse(n));
}

FullInputs segment_of(const FullInputs& inputs, const PairPart& pair, std::int64_t start) {
  return rows_of(inputs, start, std::min(std::min(pair.segment_length, inputs.seq_len()), inputs.seq_len() - start));
}

}  // namespace

// RingDilatedAttentionHilbertOptimizedFixed @36c40da (F2): every query of a segment, every r-th key of the segment in
// the order M4, which is no permutation where its length is no power of two. Takes what it is given on any number of
// ranks, and sends nothing.
at::Tensor hilbert_optimized_fixed(Communicator&, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const Setting setting = setting_of(arguments);
  return by_segment(attention_inputs(inputs), setting.pairs,
                    [&](const FullInputs& own, const PairPart& pair, std::int64_t start) {
                      const FullInputs segment = segment_of(own, pair, start);
                      const std::int64_t rows = segment.seq_len();
                      const bool is_ordered = setting.use_hilbert && rows > 64;
                      const at::Tensor out = attend_strided(is_ordered ? rows_of(segment, turned_order(rows)) : segment,
                                                            pair.dilation_rate, setting.scale, arguments.is_causal);
                      return is_ordered ? out.index_select(1, turned_inverse(rows)) : out;
                    });
}

// The same @0a52698 (F2g): the whole sequence is reordered, then cut into segments.
at::Tensor hilbert_optimized_fixed_global(Communicator&, const ReleasedInputs& inputs,
                                          const ReleasedArguments& arguments) {
  const Setting setting = setting_of(arguments);
  return in_turned_order(attention_inputs(inputs), setting, [&](const FullInputs& ordered) {
    return by_segment(ordered, setting.pairs, [&](const FullInputs& own, const PairPart& pair, std::int64_t start) {
      return attend_strided(segment_of(own, pair, start), pair.dilation_rate, setting.scale, arguments.is_causal);
    });
  });
}

// The same @da6862b: positions and heads never changed places, so that each position attends over the heads of its
// group; the keys are every r-th row from the segment's start up to the sequence's end, paired with the queries by
// place, and the causal mask is laid over heads. Most shapes raise.
at::Tensor hilbert_optimized_fixed_b(Communicator&, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const Setting setting = setting_of(arguments);
  const auto part = [&](const FullInputs& own, const PairPart& pair, std::int64_t start) {
    const FullInputs segment = segment_of(own, pair, start);
    const std::int64_t rows = segment.seq_len();
    const std::int64_t end = std::min(start + rows * pair.dilation_rate, own.seq_len());
    const at::Tensor keys = at::arange(start, end, pair.dilation_rate);
    at::Tensor scores = at::matmul(segment.query, own.key.index_select(1, keys).transpose(-2, -1)) * setting.scale;
    if (arguments.is_causal) {
      const at::Tensor hidden = triangle(rows, keys.size(0), 0, scores.device()).logical_not();
      scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
    }
    return at::matmul(at::softmax(scores, -1).nan_to_num(0.0), own.value.index_select(1, keys));
  };
  return in_turned_order(attention_inputs(inputs), setting,
                         [&](const FullInputs& ordered) { return by_segment(ordered, setting.pairs, part); });
}

// HilbertDilatedAttention @7a6d596 (hilbert_attention_final.py): a whole sequence of more than 64 rows along the snake,
// then segments, every query, every r-th key. Projections "qkv_proj" (its own name: qkv) without biases.
at::Tensor hilbert_attention_final(Communicator&, const ReleasedInputs& all, const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  const std::int64_t heads = recorded_heads(arguments);
  const std::int64_t segment = option<std::int64_t>(arguments.constructor, "segment_size", 128);
  const std::int64_t r = option<std::int64_t>(arguments.constructor, "dilation_rate", 1);
  const FullInputs projected = project_fused(inputs, inputs.tensor("x"), heads);
  const std::int64_t n = projected.seq_len();
  const at::Tensor order = snake(n);
  const bool is_ordered = option<bool>(arguments.call, "use_hilbert", true) && n > 64;
  const FullInputs ordered = is_ordered ? rows_of(projected, order) : projected;
  at::Tensor out = at::zeros_like(ordered.query);
  for (std::int64_t start = 0; start < n; start += segment) {
    FullInputs piece = rows_of(ordered, start, std::min(segment, n - start));
    const at::Tensor keys = at::arange(0, piece.seq_len(), r);
    piece.key = piece.key.index_select(1, keys);
    piece.value = piece.value.index_select(1, keys);
    out.narrow(1, start, piece.seq_len()).copy_(library_attention(piece));
  }
  return project_out(inputs, is_ordered ? out.index_select(1, order) : out);
}

}  // namespace ringattn::legacy
