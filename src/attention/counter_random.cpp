#include "attention/counter_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace ringattn {
namespace {

/// Counters that are worked on together; loops over lanes have no branches, so that the compiler can vectorise them.
constexpr std::size_t lanes = 16;
using Lanes = std::array<std::uint32_t, lanes>;

constexpr std::uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr std::uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;

void philox_lanes(Lanes& c0, Lanes& c1, Lanes& c2, Lanes& c3, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::uint64_t product_0 = std::uint64_t{multiplier_0} * c0[i];
      const std::uint64_t product_1 = std::uint64_t{multiplier_1} * c2[i];
      c0[i] = static_cast<std::uint32_t>(product_1 >> 32) ^ c1[i] ^ key[0];
      c2[i] = static_cast<std::uint32_t>(product_0 >> 32) ^ c3[i] ^ key[1];
      c1[i] = static_cast<std::uint32_t>(product_1);
      c3[i] = static_cast<std::uint32_t>(product_0);
    }
    key[0] += weyl_0;
    key[1] += weyl_1;
  }
}

/// -2 ln u for u = (2⌊bits/2⁹⌋ + 1) / 2²⁴, which is exact in fp32 and in (0, 1).
///   u = m·2^e with m in [√½, √2),  s = (m-1)/(m+1),  ln u = e·ln 2 + 2(s + s³/3 + s⁵/5 + s⁷/7 + s⁹/9),  |s| <= 0.172
inline float minus_two_log(std::uint32_t bits) {
  const float u = static_cast<float>(static_cast<std::int32_t>(2 * (bits >> 9) + 1)) * 0x1p-24F;
  constexpr std::int32_t sqrt_half = 0x3F3504F3;
  const std::int32_t raw = std::bit_cast<std::int32_t>(u);
  const std::int32_t exponent = (raw - sqrt_half) >> 23;
  const float m = std::bit_cast<float>(raw - exponent * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F);
  const float s2 = s * s;
  const float series = 1.0F + s2 * (1.0F / 3 + s2 * (1.0F / 5 + s2 * (1.0F / 7 + s2 * (1.0F / 9))));
  return -2.0F * (static_cast<float>(exponent) * 0.693147182F + 2.0F * s * series);
}

/// Sine and cosine of 2π·bits/2³²: the nearest multiple of a quarter turn is taken off in integers, exactly; the rest,
/// |x| <= π/4, goes into the Taylor series.
inline void sine_cosine(std::uint32_t bits, float& sine, float& cosine) {
  const std::uint32_t quarter = (bits + 0x20000000U) >> 30;
  const auto rest = static_cast<std::int32_t>(bits - (quarter << 30));
  const float x = static_cast<float>(rest) * 1.46291808e-9F;  // 2π/2³²
  const float x2 = x * x;
  const float s = x * (1.0F - x2 * (1.0F / 6 - x2 * (1.0F / 120 - x2 * (1.0F / 5040 - x2 * (1.0F / 362880)))));
  const float c = 1.0F - x2 * (0.5F - x2 * (1.0F / 24 - x2 * (1.0F / 720 - x2 * (1.0F / 40320))));
  const bool odd = (quarter & 1U) != 0;
  const float sine_sign = (quarter & 2U) != 0 ? -1.0F : 1.0F;
  const float cosine_sign = ((quarter + 1U) & 2U) != 0 ? -1.0F : 1.0F;
  sine = sine_sign * (odd ? c : s);
  cosine = cosine_sign * (odd ? s : c);
}

/// Box and Muller: from uniform u, v the normal values √(-2 ln u)·cos 2πv and √(-2 ln u)·sin 2πv.
void normal_lanes(const Lanes& u, const Lanes& v, float* first, float* second) {
  std::array<float, lanes> squared_radius, sine, cosine;
  for (std::size_t i = 0; i < lanes; ++i) squared_radius[i] = minus_two_log(u[i]);
  for (std::size_t i = 0; i < lanes; ++i) sine_cosine(v[i], sine[i], cosine[i]);
  for (std::size_t i = 0; i < lanes; ++i) {
    const float radius = std::sqrt(squared_radius[i]);
    first[4 * i] = radius * cosine[i];
    second[4 * i] = radius * sine[i];
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  Lanes c0{counter[0]}, c1{counter[1]}, c2{counter[2]}, c3{counter[3]};
  philox_lanes(c0, c1, c2, c3, key);
  return {c0[0], c1[0], c2[0], c3[0]};
}

void fill_normal(std::span<float> out, std::uint32_t first, std::array<std::uint32_t, 3> high,
                 std::array<std::uint32_t, 2> key) {
  std::array<float, 4 * lanes> block;
  for (std::size_t done = 0; done < out.size(); done += block.size()) {
    Lanes c0, c1, c2, c3;
    for (std::size_t i = 0; i < lanes; ++i) c0[i] = first + static_cast<std::uint32_t>(done / 4 + i);
    c1.fill(high[0]);
    c2.fill(high[1]);
    c3.fill(high[2]);
    philox_lanes(c0, c1, c2, c3, key);
    normal_lanes(c0, c1, block.data(), block.data() + 1);
    normal_lanes(c2, c3, block.data() + 2, block.data() + 3);
    const std::size_t wanted = std::min(block.size(), out.size() - done);
    std::copy_n(block.begin(), wanted, out.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

void fill_words(std::span<std::uint32_t> out, std::array<std::uint32_t, 3> high, std::array<std::uint32_t, 2> key) {
  for (std::size_t done = 0; done < out.size(); done += 4 * lanes) {
    Lanes c0, c1, c2, c3;
    for (std::size_t i = 0; i < lanes; ++i) c0[i] = static_cast<std::uint32_t>(done / 4 + i);
    c1.fill(high[0]);
    c2.fill(high[1]);
    c3.fill(high[2]);
    philox_lanes(c0, c1, c2, c3, key);
    const std::array<const Lanes*, 4> words{&c0, &c1, &c2, &c3};
    const std::size_t wanted = std::min(4 * lanes, out.size() - done);
    for (std::size_t i = 0; i < wanted; ++i) out[done + i] = (*words[i % 4])[i / 4];
  }
}

}  // namespace ringattn
