#include "legacy/full_sequence.h"

#include "legacy/gather.h"

#include <ATen/ATen.h>

#include <utility>

namespace ringattn::legacy {

GatheredAttention::GatheredAttention(AttentionFunction function, Compute compute)
    : Attention(std::move(function)), compute_(std::move(compute)) {}

Positions GatheredAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions GatheredAttention::do_key_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

Partial GatheredAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  const std::int64_t n = function().seq_len;
  const std::int64_t group = function().heads / function().key_heads();
  const auto all = [&](const at::Tensor& rows) {
    return gather_sequence(communicator, group == 1 ? rows : rows.repeat_interleave(group, 2), n);
  };
  FullInputs full{.query = inputs.query, .key = all(inputs.key), .value = all(inputs.value)};
  full.mask = inputs.mask;
  if (function().mask.kind == MaskKind::keys)
    full.mask = gather_sequence(communicator, inputs.mask.unsqueeze(2).unsqueeze(3), n).squeeze(3).squeeze(2);
  return {compute_(full), {}};
}

ShippedAttention::ShippedAttention(AttentionFunction intended, Compute compute)
    : Attention(std::move(intended)), compute_(std::move(compute)) {}

Positions ShippedAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions ShippedAttention::do_key_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Partial ShippedAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  FullInputs full{.query = inputs.query, .key = inputs.key, .value = inputs.value};
  full.mask = inputs.mask;
  return {compute_(communicator, full), {}};
}

}  // namespace ringattn::legacy
