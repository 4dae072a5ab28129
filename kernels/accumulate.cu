// Adds parts of derivatives to sums, and packs rows times a factor. CPU twin: accumulate_cpu.cpp.
//
//   one row (batch, row, head of the sum)     a group of 16 lanes, `width` elements a lane and turn
//   sum   [ ........ dim ........ ]  read + written once, however many parts go to it
//   part  [ ........ dim ........ ]  read once each
//
// Memory bound. The order of the additions is that of the parts, never that of the blocks: no atomics.
//
// Versions:
//   1. One launch a call; a group adds all heads, and all batch indices, that share its row of the sum (this one).

#include "kernels/accumulate.h"
#include "kernels/launch.cuh"
#include "kernels/merge_device.cuh"

#include <stdexcept>
#include <utility>

namespace ringattn::kernels {
namespace {

constexpr int kLanes = 16;
constexpr int kThreads = 256;

/// How many parts go to one row of the sum: `heads` of them lie one head apart, `batches` one batch index.
struct Shared {
  std::int64_t heads = 1;
  std::int64_t batches = 1;
};

__device__ inline std::int64_t offset_of(const AccumulateView& v, const RowIndex& i) {
  const std::int64_t row = v.row_index != nullptr ? v.row_index[i.row] : i.row;
  return i.batch * v.batch_stride + row * v.row_stride + i.head * v.head_stride;
}

template <typename Acc, typename In, int width>
__global__ void add_rows(MergeShape sums, Shared shared, AccumulateView sum, AccumulateView part, Acc scale,
                         std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= rows) return;
  const RowIndex index = row_index(sums, flat);
  Acc* to = static_cast<Acc*>(sum.data) + offset_of(sum, index);
  const In* from = static_cast<const In*>(part.data) + offset_of(part, index);
  for (std::int64_t d = lane * width; d < sums.dim; d += kLanes * width) {
    auto* place = reinterpret_cast<Pack<Acc, width>*>(to + d);
    Pack<Acc, width> total = *place;
    for (std::int64_t b = 0; b < shared.batches; ++b) {
      for (std::int64_t h = 0; h < shared.heads; ++h) {
        const auto one =
            *reinterpret_cast<const Pack<In, width>*>(from + b * part.batch_stride + h * part.head_stride + d);
#pragma unroll
        for (int i = 0; i < width; ++i) total.item[i] += scale * load_as(&one.item[i]);
      }
    }
    *place = total;
  }
}

template <typename Acc, typename T, int width>
__global__ void multiply_rows(MergeShape shape, AccumulateView to, AccumulateView from, Acc factor, std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= rows) return;
  const RowIndex index = row_index(shape, flat);
  T* target = static_cast<T*>(to.data) + offset_of(to, index);
  const T* source = static_cast<const T*>(from.data) + offset_of(from, index);
  for (std::int64_t d = lane * width; d < shape.dim; d += kLanes * width) {
    const auto in = *reinterpret_cast<const Pack<T, width>*>(source + d);
    Pack<T, width> out;
#pragma unroll
    for (int i = 0; i < width; ++i) store_as(&out.item[i], factor * load_as(&in.item[i]));
    *reinterpret_cast<Pack<T, width>*>(target + d) = out;
  }
}

/// Whether every row starts on a multiple of `width` elements.
bool is_aligned(const AccumulateView& view, std::int64_t dim, int width) {
  const auto fits = [width](std::int64_t stride) { return stride % width == 0; };
  return fits(dim) && fits(view.batch_stride) && fits(view.row_stride) && fits(view.head_stride) &&
         reinterpret_cast<std::uintptr_t>(view.data) % (element_size(view.element) * static_cast<std::size_t>(width)) ==
             0;
}

template <typename Acc, typename In>
void launch_add(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale,
                cudaStream_t stream) {
  MergeShape sums = shape;
  Shared shared;
  if (sum.head_stride == 0) shared.heads = std::exchange(sums.heads, 1);
  if (sum.batch_stride == 0) shared.batches = std::exchange(sums.batches, 1);
  const std::int64_t rows = sums.batches * sums.rows * sums.heads;
  if (rows == 0 || shared.heads == 0 || shared.batches == 0) return;
  constexpr int width = sizeof(Acc) == 8 ? 2 : 4;
  const unsigned blocks = blocks_for(rows * kLanes, kThreads);
  const auto factor = static_cast<Acc>(scale);
  if (is_aligned(sum, shape.dim, width) && is_aligned(part, shape.dim, width))
    add_rows<Acc, In, width><<<blocks, kThreads, 0, stream>>>(sums, shared, sum, part, factor, rows);
  else
    add_rows<Acc, In, 1><<<blocks, kThreads, 0, stream>>>(sums, shared, sum, part, factor, rows);
  check_launch("add_rows");
}

template <typename Acc, typename T>
void launch_multiply(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor,
                     cudaStream_t stream) {
  const std::int64_t rows = shape.batches * shape.rows * shape.heads;
  if (rows == 0) return;
  constexpr int width = 16 / sizeof(T);
  const unsigned blocks = blocks_for(rows * kLanes, kThreads);
  const auto by = static_cast<Acc>(factor);
  if (is_aligned(to, shape.dim, width) && is_aligned(from, shape.dim, width))
    multiply_rows<Acc, T, width><<<blocks, kThreads, 0, stream>>>(shape, to, from, by, rows);
  else
    multiply_rows<Acc, T, 1><<<blocks, kThreads, 0, stream>>>(shape, to, from, by, rows);
  check_launch("multiply_rows");
}

[[noreturn]] void unsupported() {
  throw std::invalid_argument("accumulate: the sum must be f32, or f64 for f64 parts");
}

void add_all(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale,
             cudaStream_t stream) {
  if (sum.element == Element::f64 && part.element == Element::f64)
    return launch_add<double, double>(shape, sum, part, scale, stream);
  if (sum.element != Element::f32) unsupported();
  switch (part.element) {
    case Element::f32:
      return launch_add<float, float>(shape, sum, part, scale, stream);
    case Element::bf16:
      return launch_add<float, __nv_bfloat16>(shape, sum, part, scale, stream);
    case Element::f16:
      return launch_add<float, __half>(shape, sum, part, scale, stream);
    case Element::f64:
      unsupported();
  }
}

/// Whether rows of different batch indices of the sum may be the same, apart from all of them being so.
bool batches_meet(const MergeShape& shape, const AccumulateView& sum) {
  if (shape.batches < 2 || sum.batch_stride == 0 || sum.row_index != nullptr) return false;
  return sum.batch_stride < (shape.rows - 1) * sum.row_stride + 1;
}

}  // namespace

void accumulate_rows_cuda(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale,
                          void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (!batches_meet(shape, sum)) return add_all(shape, sum, part, scale, on);
  MergeShape one = shape;
  one.batches = 1;
  for (std::int64_t b = 0; b < shape.batches; ++b) {
    const auto at = [b](const AccumulateView& all) {
      AccumulateView view = all;
      view.data = static_cast<std::byte*>(all.data) +
                  b * all.batch_stride * static_cast<std::int64_t>(element_size(all.element));
      return view;
    };
    add_all(one, at(sum), at(part), scale, on);
  }
}

void multiply_rows_cuda(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor,
                        void* stream) {
  if (to.element != from.element) throw std::invalid_argument("multiply: both must be of one type");
  const auto on = static_cast<cudaStream_t>(stream);
  switch (from.element) {
    case Element::f64:
      return launch_multiply<double, double>(shape, to, from, factor, on);
    case Element::f32:
      return launch_multiply<float, float>(shape, to, from, factor, on);
    case Element::bf16:
      return launch_multiply<float, __nv_bfloat16>(shape, to, from, factor, on);
    case Element::f16:
      return launch_multiply<float, __half>(shape, to, from, factor, on);
  }
}

}  // namespace ringattn::kernels
