#include "attention/departure_edits.h"

namespace ringattn::oracle {
namespace {

void see_by(Blocks& blocks, const Surroundings& around, const Sees& sees) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) block.sees = sees;
}

}  // namespace

void see_by_slot(Blocks& blocks, const Surroundings& around) {
  see_by(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.slot; });
}

void see_later_slots(Blocks& blocks, const Surroundings& around) {
  see_by(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot > a.slot; });
}

void see_slots_up_to_row(Blocks& blocks, const Surroundings& around) {
  see_by(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.position; });
}

void see_chunk_slots(Blocks& blocks, const Surroundings& around) {
  see_by(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.first + b.slot <= a.position; });
}

void see_slots_before_chunk(Blocks& blocks, const Surroundings& around) {
  see_by(blocks, around, [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.slot + b.first; });
}

void see_by_own_row(Blocks& blocks, const Surroundings& around) {
  deal_keys(blocks, around);
  if (!around.function.is_causal) return;
  for (Block& block : blocks) {
    const std::int64_t own = block.steps.front().begin;
    block.sees = [own](const QuerySlot& a, const KeySlot& b) { return b.position <= a.position - own; };
  }
}

void mask_first_segment(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    if (block.number > 0) block.sees = nullptr;
  }
}

void mask_first_segment_where_dilated(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    if (block.number > 0 && block.rate > 1) block.sees = nullptr;
  }
}

}  // namespace ringattn::oracle
