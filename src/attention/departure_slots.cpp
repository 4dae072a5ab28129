#include "attention/departure_edits.h"

namespace ringattn::oracle {
namespace {

/// slots[0 … m) → slots[j mod m], j < length, numbered anew.
template <typename Slot>
std::vector<Slot> repeated(const std::vector<Slot>& slots, std::int64_t length) {
  std::vector<Slot> result;
  for (std::int64_t j = 0; j < length && !slots.empty(); ++j) {
    result.push_back(slots[static_cast<std::size_t>(j) % slots.size()]);
    result.back().slot = j;
  }
  return result;
}

}  // namespace

void see_by_slot(std::vector<Block>& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) block.sees = [](const QuerySlot& a, const KeySlot& b) { return b.slot <= a.slot; };
}

void repeat_keys(std::vector<Block>& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) block.steps = {repeated(block.steps.front(), block.length)};
}

void repeat_queries(std::vector<Block>& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) block.queries = repeated(block.queries, block.length);
}

void leave_in_slot_order(std::vector<Block>& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    for (QuerySlot& query : block.queries) query.target = block.begin + query.slot;
  }
}

}  // namespace ringattn::oracle
