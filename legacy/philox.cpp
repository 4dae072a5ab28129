#include "legacy/philox.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn::legacy {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

at::Tensor kept_weights(const KeptWeights& asked) {
  const auto rows = static_cast<std::int64_t>(asked.queries.size()),
             columns = static_cast<std::int64_t>(asked.keys.size());
  const auto threshold = static_cast<std::uint64_t>(std::floor(asked.dropout * 0x1p32));
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(asked.seed),
                                         static_cast<std::uint32_t>(asked.seed >> 32) ^ 0xD50FF5ED};
  at::Tensor kept = at::empty({asked.batch, asked.heads, rows, columns}, at::kBool);
  bool* out = kept.data_ptr<bool>();
  for (std::int64_t b = 0; b < asked.batch; ++b)
    for (std::int64_t h = asked.first_head; h < asked.first_head + asked.heads; ++h)
      for (const std::int64_t q : asked.queries) {
        std::int64_t block = -1;
        std::array<std::uint32_t, 4> words{};
        for (const std::int64_t k : asked.keys) {
          if (k / 4 != block) {
            block = k / 4;
            words = philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(q),
                            static_cast<std::uint32_t>(h), static_cast<std::uint32_t>(b)},
                           key);
          }
          *out++ = words[static_cast<std::size_t>(k % 4)] >= threshold;
        }
      }
  return kept;
}

}  // namespace ringattn::legacy
