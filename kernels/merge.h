#pragma once

#include "kernels/element.h"

#include <cstdint>

namespace ringattn::kernels {

/// Rows of an attention result: out[b, row, head, 0 … dim) and lse[b, row, head]; strides in elements, dim contiguous.
/// `lse` has the state's type (f32, or f64 when `element` is f64), whatever the type of `out`.
struct MergeView {
  void* out = nullptr;
  void* lse = nullptr;
  Element element = Element::f32;
  std::int64_t out_batch_stride = 0;
  std::int64_t out_row_stride = 0;
  std::int64_t out_head_stride = 0;
  std::int64_t lse_batch_stride = 0;
  std::int64_t lse_row_stride = 0;
  std::int64_t lse_head_stride = 0;
  /// Row i of the call is row row_index[i] of the view; null: row i. On the memory that the kernel runs on.
  const std::int64_t* row_index = nullptr;
};

struct MergeShape {
  std::int64_t batches = 0;
  std::int64_t rows = 0;
  std::int64_t heads = 0;
  std::int64_t dim = 0;
};

/// Joins a partial attention into a running state, in place and in one pass over both; exact in real arithmetic:
///   lse = log(exp(lse_a) + exp(lse_b)),   out = out_a·exp(lse_a - lse) + out_b·exp(lse_b - lse)
/// A row that saw no key has lse -inf: an empty partial leaves the state as it is, and an empty state takes the partial
/// over without reading its own `out`, which may be uninitialised. NaN propagates. `state.element` is f32 or f64, and
/// so is lse. Cost per element: one read of the partial, one read and one write of the state. Rows of one call must not
/// repeat.
void merge_partial_cpu(const MergeShape& shape, const MergeView& state, const MergeView& partial);

/// Ends a state: out · scale, rounded to the element type of `result`; rows that saw no key become 0. `result` may be
/// the state itself.
void finish_rows_cpu(const MergeShape& shape, const MergeView& state, const MergeView& result, double scale);

/// The same two on a CUDA device, ordered on `stream` (a cudaStream_t). Throws std::runtime_error with CUDA's message
/// on a launch error.
void merge_partial_cuda(const MergeShape& shape, const MergeView& state, const MergeView& partial, void* stream);
void finish_rows_cuda(const MergeShape& shape, const MergeView& state, const MergeView& result, double scale,
                      void* stream);

/// Joins two partials, or a state and a partial, or (b.out null) takes a alone, into a third place in one pass: a new
/// state (f32, f64; scale 1), or the end of it: out · scale in the inputs' type, rows that saw no key 0. lse goes to
/// result.lse. a: f32, f64 or b's type; result: a state, or the type of b (of a, where it is alone).
void join_rows_cuda(const MergeShape& shape, const MergeView& a, const MergeView& b, const MergeView& result,
                    double scale, void* stream);

}  // namespace ringattn::kernels
