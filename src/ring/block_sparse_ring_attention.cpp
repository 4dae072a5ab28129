#include "ring/block_sparse_ring_attention.h"

#include "config/error.h"
#include "pattern/block_tiles.h"

#include <ATen/ATen.h>

#include <utility>

namespace ringattn {

RingAttentionConfig in_blocks(RingAttentionConfig config, const std::optional<BlockSparsity>& blocks) {
  PatternSpec& pattern = config.pattern;
  if (pattern.name == PatternName::automatic) pattern.name = PatternName::block_sparse;
  if (!blocks) {
    if (blocks_of(pattern).rule == BlockRule::none) pattern.blocks = {.rule = BlockRule::local};
    return config;
  }
  if (pattern.blocks.rule != BlockRule::none)
    throw UsageError(
        "blocks: given beside a configuration whose pattern has blocks of its own; leave out the one or the other");
  if (blocks->rule == BlockRule::none)
    throw UsageError("blocks/rule: \"none\" leaves nothing out; must be local, dilated, global_local or grid");
  pattern.blocks = *blocks;
  return config;
}

BlockSparseRingAttention::BlockSparseRingAttention(RingAttentionConfig config, Communicator& communicator,
                                                   const std::optional<BlockSparsity>& blocks)
    : StandardRingAttention(in_blocks(std::move(config), blocks), communicator) {}

void BlockSparseRingAttention::do_call(const Attention& attention, const RankInputs& inputs,
                                       const std::function<void()>& call) {
  const std::int64_t before = statistics().total_bytes_received;
  call();
  const auto& one = dynamic_cast<const RingAttention&>(attention);
  const std::int64_t seq_len = one.pattern().function.seq_len;
  last_rows_ = inputs.key.size(1);
  last_received_bytes_ = statistics().total_bytes_received - before;
  const std::int64_t row_bytes = 2 * inputs.key.size(0) * inputs.key.size(2) * inputs.key.size(3) *
                                 static_cast<std::int64_t>(inputs.key.element_size());
  last_dense_bytes_ = (seq_len - last_rows_) * row_bytes;
  if (!last_pattern_ || last_pattern_->function != one.pattern().function) last_pattern_ = one.pattern();
}

MemorySavings BlockSparseRingAttention::get_memory_savings() const {
  const BlockSparsity sparsity = blocks();
  MemorySavings savings{.ring_reduction = 1.0 / ring().world_size(),
                        .sparse_reduction = sparsity.rule == BlockRule::grid ? 1.0 : 1.0 - sparsity.sparsity_ratio};
  savings.total_reduction = savings.ring_reduction * savings.sparse_reduction;
  savings.effective_speedup = 1.0 / savings.total_reduction;
  if (!last_pattern_) return savings;
  const BlockCount count = count_blocks(*last_pattern_);
  MemorySavings::Measured measured{
      .ring_reduction = static_cast<double>(last_rows_) / static_cast<double>(last_pattern_->function.seq_len),
      .sparse_reduction = count.density()};
  measured.total_reduction = measured.ring_reduction * measured.sparse_reduction;
  measured.effective_speedup = measured.total_reduction > 0 ? 1.0 / measured.total_reduction : 0.0;
  measured.active_couples = count.active;
  measured.couples = count.couples;
  measured.received_bytes = last_received_bytes_;
  measured.dense_received_bytes = last_dense_bytes_;
  savings.measured = measured;
  return savings;
}

}  // namespace ringattn
