#include "kernels/dropout.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace ringattn::kernels {
namespace {

/// The factors of one row: what ones become.
template <typename T = double>
std::vector<T> factors(const std::vector<std::int64_t>& keys, std::int64_t query, std::int64_t head, std::int64_t batch,
                       const DropoutRule& rule) {
  std::vector<T> weights(keys.size(), T(1));
  drop_weights_cpu(weights.data(), keys.data(), std::ssize(keys), query, head, batch, rule);
  return weights;
}

std::vector<std::int64_t> first_keys(std::int64_t count) {
  std::vector<std::int64_t> keys(static_cast<std::size_t>(count));
  std::iota(keys.begin(), keys.end(), 0);
  return keys;
}

/// The published word of philox4x32-10 is kept iff it is at least the threshold.
DropoutRule rule_at(std::uint64_t threshold, std::uint64_t seed) { return {seed, threshold, 1.0}; }

}  // namespace

TEST_CASE("the words are those of philox4x32-10 as its authors published them") {
  // Known answers of the Random123 distribution. The seed's high half is xored with the stream's number.
  struct Known {
    std::uint32_t counter[4], key[2], words[4];
  };
  const Known known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& k : known) {
    const std::uint64_t seed = k.key[0] | static_cast<std::uint64_t>(k.key[1] ^ 0xD50FF5EDU) << 32;
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const std::vector<std::int64_t> key{static_cast<std::int64_t>(k.counter[0]) * 4 +
                                          static_cast<std::int64_t>(lane)};
      CHECK(factors(key, k.counter[1], k.counter[2], k.counter[3], rule_at(k.words[lane], seed)).front() == 1.0);
      CHECK(factors(key, k.counter[1], k.counter[2], k.counter[3], rule_at(k.words[lane] + 1ULL, seed)).front() == 0.0);
    }
  }
}

TEST_CASE("probabilities become thresholds and factors") {
  CHECK(dropout_rule(0.0, 1).threshold == 0);
  CHECK(dropout_rule(0.0, 1).scale == 1.0);
  CHECK(dropout_rule(0.5, 1).threshold == std::uint64_t{1} << 31);
  CHECK(dropout_rule(0.5, 1).scale == 2.0);
  CHECK(dropout_rule(1.0, 1).threshold == std::uint64_t{1} << 32);
  CHECK(dropout_rule(1.0, 1).scale == 0.0);
  CHECK(dropout_rule(0.1, 7).threshold == 429496729);
  CHECK(dropout_rule(0.1, 7).seed == 7);
}

TEST_CASE("nothing is dropped at 0 and everything at 1") {
  for (const double factor : factors(first_keys(100), 3, 1, 0, dropout_rule(0.0, 9))) CHECK(factor == 1.0);
  for (const double factor : factors(first_keys(100), 3, 1, 0, dropout_rule(1.0, 9))) CHECK(factor == 0.0);
}

TEST_CASE("which keys a row holds does not change what becomes of each of them") {
  const DropoutRule rule = dropout_rule(0.4, 77);
  const std::vector<double> all = factors(first_keys(200), 12, 2, 1, rule);
  for (const std::int64_t step : {1, 2, 3, 4, 7}) {
    for (std::int64_t first = 0; first < 9; ++first) {
      std::vector<std::int64_t> keys;
      for (std::int64_t key = first; key < 200; key += step) keys.push_back(key);
      const std::vector<double> some = factors(keys, 12, 2, 1, rule);
      for (std::size_t i = 0; i < keys.size(); ++i) CHECK(some[i] == all[static_cast<std::size_t>(keys[i])]);
    }
  }
}

TEST_CASE("float and double drop the same places, and weights are multiplied in place") {
  const DropoutRule rule = dropout_rule(0.3, 5);
  const std::vector<double> wide = factors<double>(first_keys(64), 1, 0, 0, rule);
  const std::vector<float> narrow = factors<float>(first_keys(64), 1, 0, 0, rule);
  std::vector<double> weights(64, 0.25);
  const std::vector<std::int64_t> keys = first_keys(64);
  drop_weights_cpu(weights.data(), keys.data(), 64, 1, 0, 0, rule);
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK((wide[i] == 0.0) == (narrow[i] == 0.0F));
    CHECK(weights[i] == 0.25 * wide[i]);
    if (wide[i] != 0.0) CHECK(wide[i] == doctest::Approx(1.0 / 0.7));
  }
}

TEST_CASE("query, head, batch and each half of the seed choose other places; the share dropped stays") {
  const std::int64_t count = 20000;
  const std::vector<std::int64_t> keys = first_keys(count);
  const std::uint64_t seed = 41;
  const std::vector<double> base = factors(keys, 5, 2, 1, dropout_rule(0.5, seed));
  const std::vector<std::vector<double>> others{
      factors(keys, 6, 2, 1, dropout_rule(0.5, seed)),
      factors(keys, 5, 3, 1, dropout_rule(0.5, seed)),
      factors(keys, 5, 2, 2, dropout_rule(0.5, seed)),
      factors(keys, 5, 2, 1, dropout_rule(0.5, seed + 1)),
      factors(keys, 5, 2, 1, dropout_rule(0.5, seed + (std::uint64_t{1} << 32))),
      factors(keys, 2, 5, 1, dropout_rule(0.5, seed)),
      factors(keys, 5, 1, 2, dropout_rule(0.5, seed))};
  const double sigma = std::sqrt(0.25 * static_cast<double>(count));
  for (const std::vector<double>& other : others) {
    std::int64_t dropped = 0, same = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      dropped += other[i] == 0.0 ? 1 : 0;
      same += (other[i] == 0.0) == (base[i] == 0.0) ? 1 : 0;
    }
    CHECK(std::abs(static_cast<double>(dropped) - 0.5 * static_cast<double>(count)) <= 4.0 * sigma);
    CHECK(std::abs(static_cast<double>(same) - 0.5 * static_cast<double>(count)) <= 4.0 * sigma);
  }
}

}  // namespace ringattn::kernels
