#include "attention/counter_random.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace ringattn {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("philox4x32 with ten rounds gives the published known answers") {
  // Random123, tests/kat_vectors, lines "philox4x32 10".
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normal values follow Box and Muller's formula evaluated in fp64") {
  std::vector<float> values(4096);
  fill_normal(values, 17, {1, 2, 3}, {4, 5});
  for (std::size_t j = 0; j < values.size() / 4; ++j) {
    const Words bits = philox4x32({17 + static_cast<std::uint32_t>(j), 1, 2, 3}, {4, 5});
    for (std::size_t half = 0; half < 2; ++half) {
      const double u = (2.0 * (bits[2 * half] >> 9) + 1) * 0x1p-24;
      const double angle = 2 * M_PI * bits[2 * half + 1] * 0x1p-32;
      const double radius = std::sqrt(-2 * std::log(u));
      CHECK(values[4 * j + 2 * 0 + half * 2] == doctest::Approx(radius * std::cos(angle)).epsilon(1e-6));
      CHECK(values[4 * j + half * 2 + 1] == doctest::Approx(radius * std::sin(angle)).epsilon(1e-6));
    }
  }
}

TEST_CASE("a normal value depends on its index, not on how many are asked for") {
  std::vector<float> all(200), few(7), tail(100);
  fill_normal(all, 0, {9, 8, 7}, {6, 5});
  fill_normal(few, 0, {9, 8, 7}, {6, 5});
  fill_normal(tail, 25, {9, 8, 7}, {6, 5});
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i] == all[i]);
  for (std::size_t i = 0; i < tail.size(); ++i) CHECK(tail[i] == all[100 + i]);
}

TEST_CASE("a million values have the moments of the standard normal distribution") {
  std::vector<float> values(1 << 20);
  fill_normal(values, 0, {0, 0, 0}, {2024, 0});
  double sum = 0, square = 0, cube = 0, fourth = 0;
  for (const double x : values) {
    sum += x;
    square += x * x;
    cube += x * x * x;
    fourth += x * x * x * x;
  }
  // Four standard errors of each moment: sqrt(1, 2, 15, 96 / 2^20).
  const double n = static_cast<double>(values.size());
  CHECK(std::abs(sum / n) < 4 * std::sqrt(1 / n));
  CHECK(std::abs(square / n - 1) < 4 * std::sqrt(2 / n));
  CHECK(std::abs(cube / n) < 4 * std::sqrt(15 / n));
  CHECK(std::abs(fourth / n - 3) < 4 * std::sqrt(96 / n));
}

}  // namespace
}  // namespace ringattn
