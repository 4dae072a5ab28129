#pragma once

#include "kernels/merge.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace ringattn::kernels {

__device__ inline float load_as(const float* p) { return *p; }
__device__ inline double load_as(const double* p) { return *p; }
__device__ inline float load_as(const __nv_bfloat16* p) { return __bfloat162float(*p); }
__device__ inline float load_as(const __half* p) { return __half2float(*p); }

__device__ inline void store_as(float* p, float x) { *p = x; }
__device__ inline void store_as(double* p, double x) { *p = x; }
__device__ inline void store_as(__nv_bfloat16* p, float x) { *p = __float2bfloat16_rn(x); }
__device__ inline void store_as(__half* p, float x) { *p = __float2half_rn(x); }

/// `count` consecutive elements that move as one access of count · sizeof(T) bytes.
template <typename T, int count>
struct alignas(count * sizeof(T)) Pack {
  T item[count];
};

/// Which (batch, row, head) the flat index of a row means; heads run fastest, as they lie in memory.
struct RowIndex {
  std::int64_t batch, row, head;
};
__device__ inline RowIndex row_index(const MergeShape& shape, std::int64_t flat) {
  const std::int64_t head = flat % shape.heads;
  const std::int64_t rest = flat / shape.heads;
  return {rest / shape.rows, rest % shape.rows, head};
}
__device__ inline std::int64_t row_of(const MergeView& v, std::int64_t row) {
  return v.row_index != nullptr ? v.row_index[row] : row;
}
__device__ inline std::int64_t out_offset(const MergeView& v, const RowIndex& i) {
  return i.batch * v.out_batch_stride + row_of(v, i.row) * v.out_row_stride + i.head * v.out_head_stride;
}
__device__ inline std::int64_t lse_offset(const MergeView& v, const RowIndex& i) {
  return i.batch * v.lse_batch_stride + row_of(v, i.row) * v.lse_row_stride + i.head * v.lse_head_stride;
}

/// The two weights of a merge and the joint lse; weights of 0 and 1 where a side is empty, so that nothing of it is
/// read as a number.
template <typename Acc>
struct MergeWeights {
  Acc state, partial, lse;
};
template <typename Acc>
__device__ inline MergeWeights<Acc> merge_weights(Acc state_lse, Acc partial_lse) {
  const Acc empty = -INFINITY;
  if (partial_lse == empty) return {Acc(1), Acc(0), state_lse};
  if (state_lse == empty) return {Acc(0), Acc(1), partial_lse};
  const Acc top = state_lse > partial_lse ? state_lse : partial_lse;
  const Acc state_mass = exp(state_lse - top);
  const Acc partial_mass = exp(partial_lse - top);
  const Acc mass = state_mass + partial_mass;
  return {state_mass / mass, partial_mass / mass, top + log(mass)};
}

}  // namespace ringattn::kernels
