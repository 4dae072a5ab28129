#include "attention/departure_edits.h"

#include <algorithm>

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

template <typename Slot>
void renumber(std::vector<Slot>& slots) {
  for (std::size_t j = 0; j < slots.size(); ++j) slots[j].slot = static_cast<std::int64_t>(j);
}

bool is_empty(const Block& block) { return block.queries.empty(); }

}  // namespace

void repeat_keys(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    for (Step& step : block.steps) step.keys = repeated(step.keys, step.length);
  }
}

void repeat_queries(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) block.queries = repeated(block.queries, block.length);
}

void leave_in_slot_order(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    for (QuerySlot& query : block.queries) query.target = block.begin + query.slot;
  }
}

void wrap_offsets(Blocks& blocks, const Surroundings& around) {
  const bool moves = around.intended.axes.offset == OffsetRule::segment;
  for (Block& block : blocks) {
    const auto [w, r] = around.intended.pairs[static_cast<std::size_t>(block.pair)];
    const bool is_tail = block.length < std::min(w, around.function.seq_len);
    if (r == 1 || (is_tail && around.function.axes.tail == TailRule::dense)) continue;
    const std::int64_t offset = (block.pair + (moves ? block.number : 0)) % r;
    block.queries.clear();
    block.steps.front().keys.clear();
    for (std::int64_t j = 0; j * r < block.length; ++j) {
      const std::int64_t row = block.begin + (j * r + offset) % block.length;
      block.queries.push_back({row, row, j});
      block.steps.front().keys.push_back({.position = row, .slot = j});
    }
  }
}

void start_at_pair_number(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    if (block.rate == 1) continue;
    std::vector<KeySlot>& keys = block.steps.front().keys;
    const auto before = [&](const KeySlot& key) { return key.position - block.begin < block.pair; };
    keys.erase(std::remove_if(keys.begin(), keys.end(), before), keys.end());
    renumber(keys);
  }
}

void drop_last_slot(Blocks& blocks, const Surroundings& around) {
  const bool is_first = around.function.axes.placement == Placement::first;
  for (Block& block : blocks) {
    const std::int64_t r = block.rate;
    if (r == 1) continue;
    const std::int64_t rows = is_first ? around.function.seq_len / around.ranks : block.length;
    const auto kept = static_cast<std::size_t>(rows / r);
    if (block.queries.size() > kept) block.queries.resize(kept);
    for (Step& step : block.steps) {
      if (step.keys.size() > kept) step.keys.resize(kept);
    }
  }
}

void lead_with_queries(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    for (QuerySlot& query : block.queries) query.position = query.target = block.begin + query.slot;
  }
}

void alias_keys(Blocks& blocks, const Surroundings& around) {
  const std::int64_t r = around.intended.pairs.front().dilation_rate;
  for (Block& block : blocks) {
    for (Step& step : block.steps) {
      for (KeySlot& key : step.keys) key.position = key.position * r % around.function.seq_len;
    }
  }
}

void take_class_of_position(Blocks& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    const std::int64_t r = block.rate;
    Step& step = block.steps.front();
    step.keys.clear();
    for (std::int64_t p = block.queries.front().position % r; p < around.function.seq_len; p += r)
      step.keys.push_back({.position = p, .slot = p / r});
  }
}

void take_rows_by_position(Blocks& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    block.queries.clear();
    for (std::int64_t p = block.begin; p < block.begin + block.length; ++p) {
      if (p % block.rate != block.number % block.rate) continue;
      block.queries.push_back({p, p, static_cast<std::int64_t>(block.queries.size())});
    }
  }
  blocks.erase(std::remove_if(blocks.begin(), blocks.end(), is_empty), blocks.end());
}

void count_keys_by_queries(Blocks& blocks, const Surroundings& around) {
  count_seen_keys_by_queries(blocks, around);
  for (Block& block : blocks) block.sees = nullptr;
}

void count_seen_keys_by_queries(Blocks& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) {
    for (KeySlot& key : block.steps.front().keys) {
      const auto later = [&](const QuerySlot& query) { return query.position >= key.position; };
      key.count = static_cast<double>(std::count_if(block.queries.begin(), block.queries.end(), later));
    }
    std::vector<KeySlot>& keys = block.steps.front().keys;
    keys.erase(std::remove_if(keys.begin(), keys.end(), [](const KeySlot& key) { return key.count == 0; }), keys.end());
  }
}

void leave_out_long_pairs(Blocks& blocks, const Surroundings& around) {
  const AttentionFunction& function = around.function;
  const bool is_first = function.axes.placement == Placement::first;
  const std::int64_t rows = function.seq_len / around.ranks;
  std::vector<bool> is_long;
  for (const Pair& pair : function.pairs) {
    // Where the axes have lengths as a reach, w rows r apart reach (w - 1) r + 1 rows.
    const std::int64_t w = is_first ? (pair.segment_length - 1) / pair.dilation_rate + 1 : pair.segment_length;
    is_long.push_back(w > rows);
  }
  const auto left_out = [&](const Block& block) { return is_long[static_cast<std::size_t>(block.pair)]; };
  blocks.erase(std::remove_if(blocks.begin(), blocks.end(), left_out), blocks.end());
  if (function.axes.join != JoinRule::mean) return;
  for (Block& block : blocks)
    block.scale = 1.0 / static_cast<double>(std::count(is_long.begin(), is_long.end(), false));
}

}  // namespace ringattn::oracle
