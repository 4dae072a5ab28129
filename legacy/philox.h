#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace ringattn::legacy {

/// Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC'11). Written here once
/// more, so that old and new share no code that could be wrong for both.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// Which weights a call keeps: batch indices 0 … batch - 1, heads, query and key positions.
struct KeptWeights {
  std::int64_t batch = 1;
  std::int64_t first_head = 0, heads = 1;
  std::vector<std::int64_t> queries{}, keys{};
  double dropout = 0.0;
  std::uint64_t seed = 0;
};

/// (batch, heads, queries, keys) bool: the rule of AttentionFunction::dropout, one weight after the other.
at::Tensor kept_weights(const KeptWeights& asked);

}  // namespace ringattn::legacy
