#include "attention/departure_edits.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace ringattn::oracle {
namespace {

void mix(Blocks& blocks, const Surroundings& around, const Sees& sees) {
  for (Block& block : blocks) {
    block.mixes_heads = true;
    block.sees = around.function.is_causal ? sees : nullptr;
  }
}

}  // namespace

void mix_heads_of_block(Blocks& blocks, const Surroundings& around) {
  mix(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.slot; });
}

void mix_heads_by_row(Blocks& blocks, const Surroundings& around) {
  mix(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.position; });
}

void swap_features(Blocks& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    const Pair& pair = around.function.pairs[static_cast<std::size_t>(block.pair)];
    if (pair.dilation_rate == 1) block.mixes_heads = block.swaps_features = true;
  }
}

void swap_heads_of_results(Blocks& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    if (around.function.pairs[static_cast<std::size_t>(block.pair)].dilation_rate > 1) block.swaps_heads = true;
  }
}

void split_heads_by_rank(Blocks& blocks, const Surroundings& around) {
  AttentionFunction local = around.function;
  local.heads /= around.ranks;
  const Blocks own = blocks_of(local);
  blocks.clear();
  for (std::int64_t rank = 0; rank < around.ranks; ++rank) {
    for (Block block : own) {
      for (std::int64_t& head : block.heads) head += rank * local.heads;
      blocks.push_back(std::move(block));
    }
  }
}

void restart_heads(Blocks& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    const auto size = static_cast<std::int64_t>(block.heads.size());
    block.heads.clear();
    for (std::int64_t head = block.pair * size; head < std::min((block.pair + 1) * size, around.function.heads); ++head)
      block.heads.push_back(head);
  }
}

void exchange_rows_and_heads(at::Tensor& out, const AttentionFunction& function) {
  const std::int64_t heads = function.heads;
  for (std::int64_t first = 0; first + heads <= out.size(2); first += heads) {
    const at::Tensor chunk = out.narrow(2, first, heads);
    chunk.copy_(chunk.transpose(1, 2).clone());
  }
}

void divide_by_sum(at::Tensor& out, const AttentionFunction& function) {
  const at::Tensor sum = out.sum(2, true);
  out = at::where(sum == 0, out, out / sum).div_(static_cast<double>(function.pairs.size()));
}

}  // namespace ringattn::oracle
