#include "legacy/full_sequence.h"

#include "legacy/gather.h"

#include <utility>

namespace ringattn::legacy {

GatheredAttention::GatheredAttention(AttentionFunction function, Compute compute)
    : Attention(std::move(function)), compute_(std::move(compute)) {}

Positions GatheredAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions GatheredAttention::do_key_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

Partial GatheredAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  const at::Tensor key = gather_sequence(communicator, inputs.key, function().seq_len);
  const at::Tensor value = gather_sequence(communicator, inputs.value, function().seq_len);
  return {compute_({inputs.query, key, value}), {}};
}

ShippedAttention::ShippedAttention(AttentionFunction intended, Compute compute)
    : Attention(std::move(intended)), compute_(std::move(compute)) {}

Positions ShippedAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions ShippedAttention::do_key_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Partial ShippedAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  return {compute_(communicator, {inputs.query, inputs.key, inputs.value}), {}};
}

}  // namespace ringattn::legacy
