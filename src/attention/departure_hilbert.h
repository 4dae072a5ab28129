#pragma once

#include "attention/departure.h"

#include <cstdint>
#include <vector>

// What the defects of the Hilbert classes, of the hybrids below them, and of the first variants of the new API do to a
// function and its blocks. The table rows are hilbert_departures().

namespace ringattn::oracle {

/// Rows of the table of defects.
std::vector<Departure> hilbert_departures();

// --- Causality along a curve (departure_curve.cpp) ---

/// A query sees the keys whose place along the function's own order is not after its own: place[key] <= place[query].
void see_by_place(std::vector<Block>& blocks, const Surroundings& around);
/// The same along the snake of the segment, for the pairs with r = 1 alone, although the function counts positions.
void see_undilated_by_snake(std::vector<Block>& blocks, const Surroundings& around);
/// The same along Hilbert's curve through each of the k chunks of n / k >= 64 rows, whatever chunk the key is of:
/// place[key mod C] <= place[query mod C].
void see_by_chunk_curve(std::vector<Block>& blocks, const Surroundings& around);
/// In every chunk the triangle of the own one: key mod C <= query mod C, C = ⌈n/k⌉.
void see_by_chunk_triangle(std::vector<Block>& blocks, const Surroundings& around);
/// Of each dilated segment only the rows ≡ 0 (mod r), places counted along the order, are masked.
void mask_first_class_only(std::vector<Block>& blocks, const Surroundings& around);
/// Only the first pair is masked.
void mask_first_pair_only(std::vector<Block>& blocks, const Surroundings& around);

// --- Rows of the hybrids (departure_hybrid.cpp) ---

/// Key and value p are those of row map[p], in runs of 4096 rows; causal over slots.
void reflect_keys(std::vector<Block>& blocks, const Surroundings& around);
/// The map: cells y·g + x, g the smallest power of two with g² >= length, of a walk like Hilbert's that reflects its
/// last quadrant in the whole grid, so that it leaves it: map[cell mod length] = the number of the step, among the
/// steps below `length` whose cell is; 0 where no step arrives; the identity up to 64. (hilbert-and-new-api §1.1 M5a)
std::vector<std::int64_t> reflected_map(std::int64_t length);

// --- Heads (departure_leading.cpp) ---

/// max(1, ⌊H/G⌋) heads for each of the first pairs, the rest is 0; nothing is divided by the number of pairs.
void lead_groups(AttentionFunction& function, int ranks);
/// The same, and dilation is taken from the queries: every row is one.
void lead_groups_of_all_rows(AttentionFunction& function, int ranks);
/// Slot i of a segment that begins at row b meets the key of row b + i·r, beyond the segment too; where these rows go
/// beyond the sequence there is but one that it can be, b.
void meet_rows_ahead(std::vector<Block>& blocks, const Surroundings& around);

// --- Chunks (departure_chunks.cpp) ---

/// From the first hop on a chunk's keys are its values: both were received into one buffer.
void overwrite_keys(std::vector<Block>& blocks, const Surroundings& around);
/// Chunks other than the own are seen whole, those in the future too.
void see_other_chunks_whole(std::vector<Block>& blocks, const Surroundings& around);
/// Σ_c e^{l_c - M} o_c, M = max l_c, never divided: k equal chunks come out k times too large. l = m + log Z, o = U /
/// Z.
at::Tensor merge_undivided_maximum(const StepResults& steps);
/// Every chunk is counted once for each pair with w <= C = n/k.
void count_fitting_pairs(std::vector<Block>& blocks, const Surroundings& around);

}  // namespace ringattn::oracle
