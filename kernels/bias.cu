// Fills the bias of a kernel call: one block a row, all of whose threads go along its keys and agree on the first key
// that is left. One write of the bias, one read of the masks.

#include "kernels/bias.h"
#include "kernels/launch.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace ringattn::kernels {
namespace {

constexpr int kThreads = 256;

template <typename Acc>
__device__ Acc addend(const MaskView& mask, std::int64_t offset) {
  if (mask.is_bool) return static_cast<const bool*>(mask.data)[offset] ? Acc(0) : Acc(-INFINITY);
  switch (mask.element) {
    case Element::f64:
      return static_cast<Acc>(static_cast<const double*>(mask.data)[offset]);
    case Element::bf16:
      return static_cast<Acc>(__bfloat162float(static_cast<const __nv_bfloat16*>(mask.data)[offset]));
    case Element::f16:
      return static_cast<Acc>(__half2float(static_cast<const __half*>(mask.data)[offset]));
    case Element::f32:
      break;
  }
  return static_cast<Acc>(static_cast<const float*>(mask.data)[offset]);
}

template <typename Acc>
__global__ void fill_bias(BiasFill fill) {
  __shared__ unsigned long long first;
  const std::int64_t flat = blockIdx.x;
  const std::int64_t row = flat % fill.rows, head = flat / fill.rows % fill.heads, copy = flat / fill.rows / fill.heads;
  if (threadIdx.x == 0) first = static_cast<unsigned long long>(fill.keys);
  __syncthreads();
  Acc* to = static_cast<Acc*>(fill.bias) + flat * fill.keys;
  for (std::int64_t key = threadIdx.x; key < fill.keys; key += kThreads) {
    Acc sum = 0;
    if (fill.seen_begin != nullptr && (key < fill.seen_begin[row] || key >= fill.seen_end[row])) sum = Acc(-INFINITY);
    if (fill.scores.data != nullptr)
      sum += addend<Acc>(fill.scores, copy * fill.scores.copy_stride + head * fill.scores.head_stride +
                                          fill.query_rows[row] * fill.scores.row_stride +
                                          fill.key_positions[key] * fill.scores.key_stride);
    if (fill.key_mask.data != nullptr)
      sum += addend<Acc>(fill.key_mask, copy * fill.key_mask.copy_stride + key * fill.key_mask.key_stride);
    to[key] = sum;
    if (sum != Acc(-INFINITY)) atomicMin(&first, static_cast<unsigned long long>(key));
  }
  __syncthreads();
  const auto left = static_cast<std::int64_t>(first);
  const std::int64_t marked = fill.empty_rows / fill.rows;
  bool* empty = fill.empty + flat * marked;
  for (std::int64_t i = threadIdx.x; i < marked; i += kThreads)
    empty[i] = left == fill.keys || (fill.is_triangle && i < left);
}

}  // namespace

void fill_bias_cuda(const BiasFill& fill, void* stream) {
  const std::int64_t rows = fill.copies * fill.heads * fill.rows;
  if (rows == 0) return;
  const auto on = static_cast<cudaStream_t>(stream);
  if (fill.element == Element::f64)
    fill_bias<double><<<static_cast<unsigned>(rows), kThreads, 0, on>>>(fill);
  else
    fill_bias<float><<<static_cast<unsigned>(rows), kThreads, 0, on>>>(fill);
  check_launch("fill_bias");
}

}  // namespace ringattn::kernels
