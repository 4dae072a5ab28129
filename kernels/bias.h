#pragma once

#include "kernels/element.h"

#include <cstdint>

namespace ringattn::kernels {

/// A mask as a bias reads it; strides in elements, 0 where one number serves all. A bool hides where it is false, any
/// other element is added.
struct MaskView {
  const void* data = nullptr;  ///< null: there is none
  bool is_bool = false;
  Element element = Element::f32;  ///< where it is no bool
  std::int64_t copy_stride = 0;
  std::int64_t head_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t key_stride = 0;
};

/// bias (copies, heads, rows, keys), contiguous, f32 or f64: the sum of
///   positions: 0 where seen_begin[row] <= key < seen_end[row], else -inf; null: 0
///   scores:    scores[copy, head, query_rows[row], key_positions[key]]
///   keys:      key_mask[copy, key]
struct BiasFill {
  std::int64_t copies = 0;
  std::int64_t heads = 0;
  std::int64_t rows = 0;
  std::int64_t keys = 0;
  Element element = Element::f32;
  const std::int64_t* seen_begin = nullptr;
  const std::int64_t* seen_end = nullptr;
  const std::int64_t* query_rows = nullptr;
  const std::int64_t* key_positions = nullptr;
  MaskView scores;
  MaskView key_mask;
  void* bias = nullptr;
  /// bool (copies, heads, empty_rows), empty_rows a multiple of rows: whether no key is left; under a triangle, whether
  /// none of the keys <= i is.
  bool* empty = nullptr;
  std::int64_t empty_rows = 0;
  bool is_triangle = false;
};

/// Fills it on a CUDA device, ordered on `stream`; everything it points at lies there. CPU twin: call_bias.cpp.
void fill_bias_cuda(const BiasFill& fill, void* stream);

}  // namespace ringattn::kernels
