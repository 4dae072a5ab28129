#pragma once

#include "attention/tile_call.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace ringattn {

/// What a kernel call adds to its scores: 0 or the mask's number, -inf where mask or positions hide the key.
struct CallBias {
  at::Tensor bias;        ///< (copies, heads, rows, keys), fp32, or fp64 for fp64 inputs; undefined: nothing is added
  at::Tensor empty_rows;  ///< bool (copies, heads, rows): rows without any key left
  at::Tensor places{};    ///< on a GPU: what it was filled from (bias_place_bytes), alive as long as the bias
};

/// Sizes of a call's bias; 1 where one number serves all.
struct BiasShape {
  std::int64_t copies = 0;  ///< batch indices, or segments; 0: the call needs no bias
  std::int64_t heads = 1;
  std::int64_t rows = 1;
  std::int64_t keys = 0;
  std::int64_t empty_rows = 1;  ///< rows of empty_rows: those of the bias, or all under a triangle

  std::int64_t elements() const { return copies * heads * rows * keys; }
  /// Bytes of bias and empty_rows, for elements of `element_bytes`.
  std::int64_t bytes(std::int64_t element_bytes) const {
    return elements() * element_bytes + copies * heads * empty_rows;
  }
  // clang-tidy 14 takes the generated comparison with 0 for one with a null pointer.
  auto operator<=>(const BiasShape&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// `mask_batch`: batch indices of the mask, 0 where there is none.
BiasShape bias_shape(const AttentionFunction& function, MaskRule rule, const TileCall& call, std::int64_t mask_batch);

/// Bytes of the row numbers and positions that a GPU is told for such a bias; none for the CPU, which reads them where
/// they lie.
std::int64_t bias_place_bytes(const AttentionFunction& function, MaskRule rule, const TileCall& call);

/// Where the call's rows and masks are.
struct BiasSources {
  std::span<const std::int64_t> query_positions;  ///< of the call's rows; rule positions, or a mask of scores
  std::span<const std::int64_t> key_positions;
  std::span<const std::int64_t> query_rows;  ///< own rows of the call, rows of the mask of scores
  at::Tensor scores_mask;                    ///< (batch or 1, heads or 1, own rows, n), or undefined
  at::Tensor key_mask;                       ///< (batch or 1, rows), where call.key's rows lie, or undefined
};

/// Fills a call's bias on the masks' device. Cost: one pass over it.
CallBias make_call_bias(const AttentionFunction& function, MaskRule rule, const TileCall& call, const BiasShape& shape,
                        const BiasSources& sources, at::ScalarType dtype, at::Device device = at::kCPU);

}  // namespace ringattn
