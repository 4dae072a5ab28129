#pragma once

#include "attention/departure.h"

#include <cstdint>
#include <vector>

// What the defects of the table do to a function and its blocks.

namespace ringattn::oracle {

// --- The function (departure_functions.cpp) ---

/// Full attention: segments and dilation are ignored.
void ignore_pattern(AttentionFunction& function, int ranks);
/// Dilation by pair over the whole sequence: segments alone are ignored.
void ignore_segments(AttentionFunction& function, int ranks);
/// The causal mask is ignored.
void ignore_causality(AttentionFunction& function, int ranks);
/// The heads that G does not divide go to the last groups, or to the last group, instead of the first ones.
void give_last_groups_more(AttentionFunction& function, int ranks);
void give_last_group_rest(AttentionFunction& function, int ranks);
/// The result is not divided by the number of groups.
void skip_division(AttentionFunction& function, int ranks);

// --- Slots (departure_slots.cpp) ---

/// Query slot a sees key slots b <= a.
void see_by_slot(std::vector<Block>& blocks, const Surroundings& around);
/// The m keys of a block are repeated cyclically to as many slots as the segment has rows.
void repeat_keys(std::vector<Block>& blocks, const Surroundings& around);
/// Likewise the queries; where a row has several slots the last one's result stays.
void repeat_queries(std::vector<Block>& blocks, const Surroundings& around);
/// The result of slot a stays in row a of the segment, instead of going to the row that the slot's query came from.
void leave_in_slot_order(std::vector<Block>& blocks, const Surroundings& around);

// --- Chunks of a ring (departure_ring.cpp) ---

/// k chunks of ⌈n/k⌉ rows. A rank's queries are those whose result it holds; it meets the chunks from its own one
/// downwards, and round. The blocks' keys are dealt out to the chunks that they lie in.
void deal_keys(std::vector<Block>& blocks, const Surroundings& around);

// --- Heads (departure_heads.cpp) ---

/// Attention over the heads of a block at one position; causal: head b is seen by heads a >= b.
void mix_heads_of_block(std::vector<Block>& blocks, const Surroundings& around);

}  // namespace ringattn::oracle
