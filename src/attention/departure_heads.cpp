#include "attention/departure_edits.h"

namespace ringattn::oracle {

void mix_heads_of_block(std::vector<Block>& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    block.mixes_heads = true;
    block.sees = nullptr;
    if (around.function.is_causal) block.sees = [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.slot; };
  }
}

}  // namespace ringattn::oracle
