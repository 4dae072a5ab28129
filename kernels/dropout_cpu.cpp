#include "kernels/dropout.h"

#include <array>

namespace ringattn::kernels {
namespace {

using Words = std::array<std::uint32_t, 4>;

/// Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC'11).
Words philox(Words counter, std::uint32_t key_low, std::uint32_t key_high) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key_low, static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key_high, static_cast<std::uint32_t>(a)};
    key_low += 0x9E3779B9;
    key_high += 0xBB67AE85;
  }
  return counter;
}

}  // namespace

DropoutRule dropout_rule(double probability, std::uint64_t seed) {
  return {.seed = seed,
          .threshold = static_cast<std::uint64_t>(probability * 4294967296.0),
          .scale = probability < 1.0 ? 1.0 / (1.0 - probability) : 0.0};
}

template <typename T>
void drop_weights_cpu(T* weights, const std::int64_t* key_positions, std::int64_t count, std::int64_t query,
                      std::int64_t head, std::int64_t batch, const DropoutRule& rule) {
  const auto key_low = static_cast<std::uint32_t>(rule.seed);
  const std::uint32_t key_high = dropout_key_high(rule.seed);
  std::int64_t quad = -1;
  Words words{};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t key = key_positions[i];
    if (key / 4 != quad) {
      quad = key / 4;
      words = philox({static_cast<std::uint32_t>(quad), static_cast<std::uint32_t>(query),
                      static_cast<std::uint32_t>(head), static_cast<std::uint32_t>(batch)},
                     key_low, key_high);
    }
    const bool is_kept = words[static_cast<std::size_t>(key % 4)] >= rule.threshold;
    weights[i] *= is_kept ? static_cast<T>(rule.scale) : T(0);
  }
}

template void drop_weights_cpu<float>(float*, const std::int64_t*, std::int64_t, std::int64_t, std::int64_t,
                                      std::int64_t, const DropoutRule&);
template void drop_weights_cpu<double>(double*, const std::int64_t*, std::int64_t, std::int64_t, std::int64_t,
                                       std::int64_t, const DropoutRule&);

}  // namespace ringattn::kernels
