#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ringattn {

/// Philox-4x32-10: 128 random bits as a function of a 128-bit counter and a 64-bit key (Salmon, Moraes, Dror, Shaw:
/// Parallel Random Numbers: As Easy as 1, 2, 3; SC'11). No state, so any part of a sequence can be had without the
/// rest.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// Fills `out` with standard normal values: values 4j … 4j+3 come from the counter (first + j, high[0], high[1],
/// high[2]) by Box and Muller's transform, so a value depends on its index alone, not on how many are asked for. Uses
/// only IEEE additions, multiplications, divisions and square roots in fp32: the same bits on every machine (compile
/// without FP contraction). |value| <= 5.77.
void fill_normal(std::span<float> out, std::uint32_t first, std::array<std::uint32_t, 3> high,
                 std::array<std::uint32_t, 2> key);

/// Fills `out` with random words: word i is word i mod 4 of the counter (⌊i/4⌋, high[0], high[1], high[2]).
void fill_words(std::span<std::uint32_t> out, std::array<std::uint32_t, 3> high, std::array<std::uint32_t, 2> key);

}  // namespace ringattn
