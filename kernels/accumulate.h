#pragma once

#include "kernels/element.h"
#include "kernels/merge.h"

#include <cstdint>

namespace ringattn::kernels {

/// Rows of a derivative: data[b, row, head, 0 … dim); strides in elements, dim contiguous.
struct AccumulateView {
  void* data = nullptr;
  Element element = Element::f32;
  std::int64_t batch_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t head_stride = 0;  ///< 0 in a sum: all heads of the part go to one head, one after another
  /// Row i of the call is row row_index[i] of the view; null: row i. On the memory that the kernel runs on.
  const std::int64_t* row_index = nullptr;
};

/// sum += scale · part, element by element, in place. `sum.element` is f32 or f64; parts of f64 go to f64 sums alone.
/// Cost per element: one read of the part, one read and one write of the sum; nothing is allocated.
void accumulate_rows_cpu(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale);

/// to = factor · from, element by element, both of one type.
void multiply_rows_cpu(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor);

/// The same two on a CUDA device, ordered on `stream` (a cudaStream_t), with the same sums: heads that share one of the
/// sum's, and batch indices whose rows meet, are added one after another. The rows of one batch index must not repeat.
void accumulate_rows_cuda(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale,
                          void* stream);
void multiply_rows_cuda(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor,
                        void* stream);

}  // namespace ringattn::kernels
