#pragma once

#include <cstdint>

namespace ringattn::kernels {

/// Which attention weights dropout keeps, as a function of their place alone (config/axes.h has the rule):
///   kept iff philox4x32-10(counter = (⌊key / 4⌋, query, head, batch), seed)[key mod 4] >= threshold.
struct DropoutRule {
  std::uint64_t seed = 0;
  std::uint64_t threshold = 0;  ///< ⌊probability · 2^32⌋, up to 2^32
  double scale = 1.0;           ///< of what is kept: 1 / (1 - probability); 0 where nothing is
};
DropoutRule dropout_rule(double probability, std::uint64_t seed);

/// The upper half of the generator's key: apart from that of the inputs, which may have the same seed.
constexpr std::uint32_t dropout_key_high(std::uint64_t seed) {
  return static_cast<std::uint32_t>(seed >> 32) ^ 0xD50FF5EDU;
}

/// weights[i] *= kept ? scale : 0 for the weights of one (batch, head, query) with `count` keys at the positions
/// key_positions[i], ascending. About 2.5 ns a weight where neighbouring positions are asked for, up to 8 ns where no
/// two share a word of four. T: float or double.
template <typename T>
void drop_weights_cpu(T* weights, const std::int64_t* key_positions, std::int64_t count, std::int64_t query,
                      std::int64_t head, std::int64_t batch, const DropoutRule& rule);

/// Weights (batches, heads, rows, keys), contiguous, of one call, and where they lie.
struct DropShape {
  std::int64_t batches = 0;
  std::int64_t heads = 0;
  std::int64_t rows = 0;
  std::int64_t keys = 0;
  std::int64_t batch_begin = 0;
  std::int64_t head_begin = 0;
};
/// The same for all of them on a CUDA device, positions included, ordered on `stream` (a cudaStream_t).
template <typename T>
void drop_weights_cuda(T* weights, const DropShape& shape, const std::int64_t* query_positions,
                       const std::int64_t* key_positions, const DropoutRule& rule, void* stream);

}  // namespace ringattn::kernels
