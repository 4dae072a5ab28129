#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

// The index maps by which the released classes reordered rows, right ones and wrong ones: int64, one entry a row, as
// the class's own helper returned them. An order lists positions as the curve meets them; a rank says when a position
// is met. g: the side of a grid; cells are numbered y·g + x unless said otherwise.

namespace ringattn::legacy {

/// M1, a snake and no Hilbert curve: the rows of a grid ⌈√length⌉ wide, every other one backwards; its own inverse. The
/// identity up to 64 rows.
at::Tensor snake(std::int64_t length);
/// M6b: M1 without the exception for short lengths.
at::Tensor snake_always(std::int64_t length);
/// M9: M1 inside each segment. (Made by its class, never given to its kernel.)
at::Tensor snake_by_segment(std::int64_t length, std::int64_t segment_length);

/// The Hilbert curve through the square of side 2^levels, and M2: its cells below `length`, g the smallest power of two
/// with g² >= length.
at::Tensor hilbert_cells(int levels);
at::Tensor hilbert_order(std::int64_t length);
/// M3: the inverse of M2, the identity up to 64 rows. (Its classes gather by it: rows come in rank order of ranks.)
at::Tensor hilbert_rank(std::int64_t length);

/// M4: a walk that turns its last quadrant where Hilbert's mirrors it, cells x·g + y, cut after `length` steps and
/// filled up with what follows the count that was kept: no permutation unless the length is a power of two (or a little
/// more).
at::Tensor turned_order(std::int64_t length);
/// The inverse as its class made it: zeros, then the place of each entry; where entries are equal, the last.
at::Tensor turned_inverse(std::int64_t length);

/// M5: a walk that reflects in the whole grid instead of the quadrant. It leaves the grid: cells collide, exceed it, or
/// are negative.
/// M5a, a rank: what the first `length` steps do not hit stays 0; a negative cell counts from the end. Identity up
/// to 64.
at::Tensor reflected_rank(std::int64_t length);
/// M5b, an order, filled up as M4, negative entries included. Identity up to `straight` rows (4; M5c: 0).
at::Tensor reflected_order(std::int64_t length, std::int64_t straight = 4);

/// M6, a rank: the quadrants' own recursion, cut after `length` steps: what they do not hit stays 0.
at::Tensor quadrant_rank(std::int64_t length);

/// M7 for a power of two: the bits reversed; its own inverse. For other lengths the classes drew a permutation.
bool is_power_of_two(std::int64_t length);
at::Tensor bit_reversal(std::int64_t length);
/// M7 of one class: bit_reversal, or (i xor i/2) mod length, no permutation.
at::Tensor gray_code(std::int64_t length);

/// Positions of a width × height grid, row by row, in Z-order: the bits of x and y interleaved, as many of each as its
/// side has.
at::Tensor z_order(std::int64_t width, std::int64_t height);

}  // namespace ringattn::legacy
