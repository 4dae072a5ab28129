#pragma once

#include "attention/departure.h"

#include <cstdint>
#include <vector>

// What the defects of the table do to a function and to its blocks. Symbols: pair i has segment length w and rate r; a
// segment has l rows; n rows in all, k ranks, chunks of C = ⌈n/k⌉ rows.

namespace ringattn::oracle {

using Blocks = std::vector<Block>;

// --- The function (departure_functions.cpp) ---

void ignore_pattern(AttentionFunction& function, int ranks);
/// Dilated rows attend each other; the last groups are larger, and nothing is divided.
void dilate_sequence(AttentionFunction& function, int ranks);
/// Every row attends every row, by head groups.
void fill_pattern(AttentionFunction& function, int ranks);
void ignore_causality(AttentionFunction& function, int ranks);
void give_last_groups_more(AttentionFunction& function, int ranks);
void give_last_group_rest(AttentionFunction& function, int ranks);
void skip_division(AttentionFunction& function, int ranks);
/// What remains after whole segments attends itself, undilated.
void leave_tail_dense(AttentionFunction& function, int ranks);
void ignore_mask(AttentionFunction& function, int ranks);
/// A boolean mask counts as 0 and 1, which are added.
void add_mask_as_number(AttentionFunction& function, int ranks);
void ignore_scale(AttentionFunction& function, int ranks);
/// All rates 1, so that blocks are whole segments.
void keep_segments_whole(AttentionFunction& function, int ranks);

// --- What a query sees (departure_visibility.cpp); where the function is causal ---

/// Query slot a sees key slots b <= a.
void see_by_slot(Blocks& blocks, const Surroundings& around);
/// Query slot a sees key slots b > a.
void see_later_slots(Blocks& blocks, const Surroundings& around);
/// The query at position p sees key slots b <= p.
void see_slots_up_to_row(Blocks& blocks, const Surroundings& around);
/// The query at position p sees the slots b of a chunk that begins at f where f + b <= p.
void see_chunk_slots(Blocks& blocks, const Surroundings& around);
/// Query slot a sees the slots b of a chunk that begins at f where b <= a + f.
void see_slots_before_chunk(Blocks& blocks, const Surroundings& around);
/// Row j of a rank's own rows sees the keys up to row j of the sequence, by chunks as deal_keys has them.
void see_by_own_row(Blocks& blocks, const Surroundings& around);
/// Segments but the first are not causal; `dilated`: where r > 1.
void mask_first_segment(Blocks& blocks, const Surroundings& around);
void mask_first_segment_where_dilated(Blocks& blocks, const Surroundings& around);

// --- Slots (departure_slots.cpp) ---

/// The m keys of a block are repeated cyclically to as many slots as the segment, or the chunk, has rows.
void repeat_keys(Blocks& blocks, const Surroundings& around);
/// Likewise the queries; where a row has several slots the last one's result stays.
void repeat_queries(Blocks& blocks, const Surroundings& around);
/// The result of slot a stays in row a of the segment, instead of going to the row that the slot's query came from.
void leave_in_slot_order(Blocks& blocks, const Surroundings& around);
/// Slot j of queries and keys is row (j r + o) mod l of its segment, j r < l. After keep_segments_whole.
void wrap_offsets(Blocks& blocks, const Surroundings& around);
/// Keys from row i on, i the pair's number, instead of i mod r.
void start_at_pair_number(Blocks& blocks, const Surroundings& around);
/// The first ⌊l / r⌋ slots of queries and keys only, where r > 1; l: rows of a rank where the pattern has one segment.
void drop_last_slot(Blocks& blocks, const Surroundings& around);
/// Query slot j is row j of the segment.
void lead_with_queries(Blocks& blocks, const Surroundings& around);
/// Row p · r of the first pair, mod n, stands in for key p.
void alias_keys(Blocks& blocks, const Surroundings& around);
/// The keys are those of the query's own class mod r, by position in the sequence.
void take_class_of_position(Blocks& blocks, const Surroundings& around);
/// Queries of segment t are its rows p ≡ t (mod r) by position in the sequence.
void take_rows_by_position(Blocks& blocks, const Surroundings& around);
/// Causal: a key counts as often as the block has queries at or after it; the first also shows every key to all.
void count_keys_by_queries(Blocks& blocks, const Surroundings& around);
void count_seen_keys_by_queries(Blocks& blocks, const Surroundings& around);
/// Pairs with w > n / k are left out: of head groups, whose heads are 0; of means,
/// which divide by the number of pairs kept.
void leave_out_long_pairs(Blocks& blocks, const Surroundings& around);

// --- Chunks of a ring (departure_ring.cpp) ---

/// A rank's queries are those whose result it holds; it meets the chunks from its own one downwards, and round. The
/// blocks' keys are dealt out to the chunks that they lie in.
void deal_keys(Blocks& blocks, const Surroundings& around);
/// deal_keys; a pair counts no chunk that has fewer rows than its segments.
void leave_out_short_chunks(Blocks& blocks, const Surroundings& around);
/// deal_keys, with rows of zeros behind the last chunk that make it as long as the others and that count.
void deal_padded_keys(Blocks& blocks, const Surroundings& around);
/// The keys of each chunk are those that the function takes of a sequence of the chunk's length.
void restart_keys(Blocks& blocks, const Surroundings& around);
/// A rank's queries are the rows that the function takes of a sequence of n/k rows, and they meet their like in every
/// chunk.
void restart_rows(Blocks& blocks, const Surroundings& around);
/// k chunks of ⌊n/k⌋ rows, each a sequence for itself; the rows that remain are 0.
void attend_apart(Blocks& blocks, const Surroundings& around);
/// Keys and values of the first chunk stand in for those of every other.
void repeat_first_chunk(Blocks& blocks, const Surroundings& around);
/// A segment's rows on the query's rank meet its rows in each chunk, and residue classes are counted from where these
/// begin; only the first class is causal.
void restart_classes(Blocks& blocks, const Surroundings& around);

// --- Heads (departure_heads.cpp) ---

/// Attention over the heads of a block at one position; causal: head b is seen by heads a >= b, or where it is at most
/// the row's position.
void mix_heads_of_block(Blocks& blocks, const Surroundings& around);
void mix_heads_by_row(Blocks& blocks, const Surroundings& around);
/// In undilated segments positions and features change places on the way in.
void swap_features(Blocks& blocks, const Surroundings& around);
/// In dilated segments results are written with heads and features exchanged.
void swap_heads_of_results(Blocks& blocks, const Surroundings& around);
/// Each rank has H / k heads and cuts them into groups of its own.
void split_heads_by_rank(Blocks& blocks, const Surroundings& around);
/// Pair i has heads i g … (i + 1) g, g the size of its own group.
void restart_heads(Blocks& blocks, const Surroundings& around);
/// Where a chunk has as many rows as there are heads: result row x of head y is written to row y of head x.
void exchange_rows_and_heads(at::Tensor& out, const AttentionFunction& function);
/// Divides by the sum over rows, then by the number of groups.
void divide_by_sum(at::Tensor& out, const AttentionFunction& function);

// --- The queries (departure_functions.cpp) ---

/// What each rank's rows make of themselves, not causal, keys repeated cyclically, queries in place of the queries.
at::Tensor attend_before(const AttentionFunction& intended, const Attended& rows, const Defect& defect);

}  // namespace ringattn::oracle
