#include "legacy/philox.h"

#include "attention/counter_random.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>

namespace ringattn::legacy {

TEST_CASE("the generator gives the published numbers, and those of the other implementation") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK((philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  CHECK((philox({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}) ==
         Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
  for (std::uint32_t i = 0; i < 50; ++i) {
    const Words counter{i, i * 77, i << 20, ~i};
    CHECK((philox(counter, {i * 3, i}) == philox4x32(counter, {i * 3, i})));
  }
}

TEST_CASE("which weights are kept depends on their place alone, and the share kept is 1 - dropout") {
  KeptWeights all{.batch = 2, .first_head = 0, .heads = 4, .dropout = 0.3, .seed = 11};
  for (std::int64_t i = 0; i < 60; ++i) {
    all.queries.push_back(i);
    all.keys.push_back(i);
  }
  const at::Tensor kept = kept_weights(all);
  const double weights = static_cast<double>(kept.numel());
  CHECK(std::abs(kept.sum().item<double>() / weights - 0.7) < 4 * std::sqrt(0.21 / weights));
  const at::Tensor part = kept_weights(
      {.batch = 1, .first_head = 2, .heads = 1, .queries = {7, 31}, .keys = {3, 11, 58}, .dropout = 0.3, .seed = 11});
  CHECK(at::equal(part, kept.slice(0, 0, 1)
                            .narrow(1, 2, 1)
                            .index_select(2, at::tensor({7, 31}))
                            .index_select(3, at::tensor({3, 11, 58}))));
  all.seed = 12;
  CHECK_FALSE(at::equal(kept_weights(all), kept));
  all.dropout = 0.0;
  CHECK(kept_weights(all).all().item<bool>());
  all.dropout = 1.0;
  CHECK_FALSE(kept_weights(all).any().item<bool>());
}

}  // namespace ringattn::legacy
