#pragma once

#include <bit>
#include <cstdint>

namespace ringattn::kernels {

/// bf16 is the upper half of a float.
struct BFloat16Bits {
  std::uint16_t bits;
};
/// IEEE half, as the compiler knows it.
using Float16 = _Float16;

inline float to_float(float x) { return x; }
inline double to_float(double x) { return x; }
inline float to_float(BFloat16Bits x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }
inline float to_float(Float16 x) { return static_cast<float>(x); }

template <typename T>
struct FromFloat {
  template <typename Acc>
  static T convert(Acc x) {
    return static_cast<T>(x);
  }
};

/// Round to nearest, ties to even; a NaN keeps its sign and becomes quiet.
template <>
struct FromFloat<BFloat16Bits> {
  static BFloat16Bits convert(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
    const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return {static_cast<std::uint16_t>((is_nan ? (bits | 0x400000u) : rounded) >> 16)};
  }
};

}  // namespace ringattn::kernels
