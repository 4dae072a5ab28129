#include "tests/retention/gathered_attention.h"

#include "attention/running_state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

namespace ringattn {
namespace {

Block block_of(const at::Tensor& rows) {
  const auto row_bytes = static_cast<std::int64_t>(rows.stride(1) * rows.element_size());
  return {static_cast<std::byte*>(rows.data_ptr()), rows.size(1), row_bytes, row_bytes};
}

}  // namespace

Positions GatheredAttention::do_query_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

Positions GatheredAttention::do_key_positions(int rank, int world_size) const {
  return do_query_positions(rank, world_size);
}

at::Tensor GatheredAttention::gathered(Communicator& communicator, const at::Tensor& own) const {
  at::Tensor all = at::empty({1, function().seq_len, own.size(2), own.size(3)}, own.options());
  std::vector<Block> blocks;
  std::int64_t first = 0;
  for (int rank = 0; rank < communicator.world_size(); ++rank) {
    const std::int64_t rows = count(do_query_positions(rank, communicator.world_size()));
    blocks.push_back(block_of(all.narrow(1, first, rows)));
    first += rows;
  }
  communicator.all_gather(block_of(own), blocks);
  return all;
}

Partial GatheredAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  const at::Tensor key = gathered(communicator, inputs.key), value = gathered(communicator, inputs.value);
  const std::int64_t rows = inputs.query.size(1), heads = inputs.query.size(2);
  const auto part = [&](std::int64_t first, std::int64_t count, MaskRule rule) {
    return backend_->forward({.query = inputs.query.transpose(1, 2),
                              .key = key.narrow(1, first, count).transpose(1, 2),
                              .value = value.narrow(1, first, count).transpose(1, 2),
                              .rule = rule,
                              .softmax_scale = 1.0 / std::sqrt(static_cast<double>(inputs.query.size(3)))});
  };
  const auto whole = [](const Partial& result) { return Partial{result.out.transpose(1, 2), result.lse}; };
  if (!function().is_causal) return whole(part(0, function().seq_len, MaskRule::full));
  const std::int64_t first = do_query_positions(communicator.rank(), communicator.world_size()).front().first;
  if (first == 0) return whole(part(0, rows, MaskRule::causal));
  RunningState state(1, rows, heads, inputs.query.size(3), inputs.query.scalar_type(), inputs.query.device());
  for (const Partial& partial : {part(0, first, MaskRule::full), part(first, rows, MaskRule::causal)})
    state.merge(partial, {0, heads}, Rows{.first = 0, .count = rows}, 0);
  return state.finish(inputs.query.scalar_type(), 1.0);
}

}  // namespace ringattn
