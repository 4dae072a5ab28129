#pragma once

#include <cstdint>

namespace ringattn::kernels {

/// Philox-4x32-10, as in dropout_cpu.cpp: word `word` of the four.
__device__ inline std::uint32_t philox_word(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                                            std::uint32_t key_low, std::uint32_t key_high, int word) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ key_low;
    const std::uint32_t n2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ key_high;
    c0 = n0, c1 = static_cast<std::uint32_t>(b), c2 = n2, c3 = static_cast<std::uint32_t>(a);
    key_low += 0x9E3779B9;
    key_high += 0xBB67AE85;
  }
  return word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
}

}  // namespace ringattn::kernels
