#include "legacy/raises.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {
namespace {

/// Segments were padded with zeros to whole ones, and the result did not fit back into n rows.
void require_unpadded(const FullInputs& heads, std::int64_t w) {
  const std::int64_t n = heads.seq_len();
  const at::Tensor& query = heads.query;
  if (n % w == 0 || query.numel() == 0) return;
  raise_invalid_shape(query.sizes().vec(), query.numel() / n * ((n + w - 1) / w * w));
}

/// torch 2.11's attention divides by the number of rows that it was given.
[[noreturn]] void raise_empty_attention() {
  throw LegacyRaises("signal SIGFPE", "the process is killed by this signal");
}

/// P(offset, w, r), not empty.
at::Tensor selected_rows(const PairPart& pair, at::Device device) {
  at::Tensor selected = strided_index(pair.offset(), pair.segment_length, pair.dilation_rate, device);
  if (selected.numel() == 0) raise_empty_attention();
  return selected;
}

/// By pairs, those without heads too, skipping segments longer than the sequence, divided by the number of pairs.
at::Tensor averaged(const FullInputs& inputs, const ReleasedArguments& arguments, GroupRule rule,
                    const std::function<at::Tensor(const PairPart&, const FullInputs&)>& part) {
  const std::vector<Pair> pairs = recorded_pairs(arguments);
  const auto one = [&](const PairPart& pair, const FullInputs& heads) {
    if (heads.seq_len() < pair.segment_length) return at::zeros_like(heads.query);
    require_unpadded(heads, pair.segment_length);
    return part(pair, heads);
  };
  const auto parts = pair_parts(pairs, inputs.heads(), rule);
  return by_head_group(inputs, parts, one, EmptyGroups::attended).div_(static_cast<double>(pairs.size()));
}

/// One pair of a block: every row's heads attend the heads of the segment's dilated rows, which must be as many as the
/// rows, or one.
at::Tensor unguarded_part(const PairPart& pair, const FullInputs& heads, bool is_causal) {
  const std::int64_t w = pair.segment_length;
  const at::Tensor selected = selected_rows(pair, heads.query.device());
  const std::int64_t count = selected.numel();
  if (count != w && count != 1) {
    throw LegacyRaises("RuntimeError", "The size of tensor a (" + std::to_string(w) +
                                           ") must match the size of tensor b (" + std::to_string(count) +
                                           ") at non-singleton dimension 1");
  }
  if (heads.heads() == 0) return heads.query;
  at::Tensor out = at::empty_like(heads.query);
  for (std::int64_t start = 0; start < heads.seq_len(); start += w) {
    const FullInputs keys = rows_of(heads, selected + start);
    out.narrow(1, start, w).copy_(mix_heads({heads.query.narrow(1, start, w), keys.key, keys.value}, is_causal));
  }
  return out;
}

at::Tensor unguarded_block(const FullInputs& inputs, const ReleasedArguments& arguments) {
  for (const PairPart& pair : pair_parts(recorded_pairs(arguments), inputs.heads(), GroupRule::first_larger))
    strided_index(pair.offset(), pair.segment_length, pair.dilation_rate, inputs.query.device());  // may raise
  return averaged(inputs, arguments, GroupRule::first_larger, [&](const PairPart& pair, const FullInputs& heads) {
    return unguarded_part(pair, heads, arguments.is_causal);
  });
}

/// co_indexed on the heads of one pair, which must select a row.
at::Tensor dilated_rows_mixed(PairPart pair, const FullInputs& heads, bool is_causal) {
  selected_rows(pair, heads.query.device());
  if (heads.heads() == 0) return heads.query;
  pair.heads.first = 0;
  return co_indexed(heads, {pair}, head_mixer(is_causal));
}

/// r = 1: positions change places with features on the way in and not on the way out. For each feature j the heads
/// attend each other, dot products running over the w positions; position f of the value becomes feature f.
at::Tensor swapped_part(const PairPart& pair, const FullInputs& heads, bool is_causal) {
  const std::int64_t w = pair.segment_length;
  const at::Tensor& query = heads.query;
  if (heads.heads() == 0) return query;
  const std::int64_t segments = query.size(0) * (query.size(1) / w);
  if (w != query.size(3)) {
    raise_invalid_shape({segments, query.size(3), query.size(2), query.size(3)}, query.numel());
  }
  const auto swapped = [&](const at::Tensor& tensor) {
    return tensor.reshape({segments, w, tensor.size(2), tensor.size(3)}).transpose(1, 3);
  };
  return mix_heads({swapped(query), swapped(heads.key), swapped(heads.value)}, is_causal).reshape(query.sizes());
}

}  // namespace

at::Tensor first_ring(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  require_divisible(inputs, recorded_pairs(arguments));
  return averaged(inputs, arguments, GroupRule::first_larger, [&](const PairPart& pair, const FullInputs& heads) {
    return dilated_rows_mixed(pair, heads, arguments.is_causal);
  });
}

at::Tensor first_ring_unguarded(Communicator& communicator, const FullInputs& inputs,
                                const ReleasedArguments& arguments) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  if (communicator.world_size() == 1 || ring_size <= 1) return unguarded_block(inputs, arguments);
  const std::int64_t rows = inputs.seq_len() / ring_size;
  const std::int64_t first = communicator.rank() * rows;
  const std::int64_t own = communicator.rank() == ring_size - 1 ? inputs.seq_len() - first : rows;
  const FullInputs local = rows_of(inputs, first, own);
  unguarded_block(local, arguments);  // what it raises comes first
  std::string shape;
  for (const std::int64_t size : local.query.sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  throw LegacyRaises("KeyError", "(torch.Size([" + shape + "]), torch.float32)");
}

at::Tensor first_ring_unimportable(Communicator&, const FullInputs&, const ReleasedArguments&) {
  throw LegacyRaises("NameError", "name 'threading' is not defined");
}

at::Tensor first_ring_leading_queries(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::vector<Pair> pairs = recorded_pairs(arguments);
  require_divisible(inputs, pairs);
  for (const auto& [w, r] : pairs)
    strided_index(r - 1, w, r, inputs.query.device());  // all offsets were tried: may raise
  return averaged(inputs, arguments, GroupRule::first_larger, [&](const PairPart& pair, const FullInputs& heads) {
    const at::Tensor selected = selected_rows(pair, heads.query.device());
    at::Tensor out = at::zeros_like(heads.query);
    for (std::int64_t start = 0; start < heads.seq_len(); start += pair.segment_length) {
      FullInputs piece = rows_of(heads, selected + start);
      piece.query = heads.query.narrow(1, start, selected.numel());
      out.narrow(1, start, selected.numel()).copy_(mix_heads(piece, arguments.is_causal));
    }
    return out;
  });
}

at::Tensor unfold(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return averaged(inputs, arguments, GroupRule::last_larger, [&](const PairPart& pair, const FullInputs& heads) {
    if (pair.dilation_rate == 1) return swapped_part(pair, heads, arguments.is_causal);
    return dilated_rows_mixed(pair, heads, arguments.is_causal);
  });
}

}  // namespace ringattn::legacy
