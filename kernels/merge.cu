// Joins partial attentions, and ends a state. CPU twin: merge_cpu.cpp.
//
//   one row (batch, row, head)            a group of 16 lanes, `width` elements a lane and turn
//   state out  [ ........ dim ........ ]  read + written once
//   partial    [ ........ dim ........ ]  read once
//
// Memory bound: per element one read of the partial and one read and write of the state; arithmetic is three
// operations.
//
// Versions:
//   2. join_rows: the first partial is kept as it is until the second comes, and the last join ends the state in the
//      same pass. At k = 2 three passes over fp32 (write, update, end: 22 bytes an element) become one over the inputs'
//      type (6 bytes).
//   1. One pass, packed accesses where dim and alignment allow. One H100, 8192 rows of 16 heads of
//   128, bf16
//      into f32: 61.6 us, 2.7 TB/s of the 3.0 TB/s that a device copy reaches.

#include "kernels/launch.cuh"
#include "kernels/merge_device.cuh"

#include <algorithm>

namespace ringattn::kernels {
namespace {

constexpr int kLanes = 16;
constexpr int kThreads = 256;

template <typename Acc, typename In, int width>
__global__ void merge_rows(MergeShape shape, MergeView state, MergeView partial, std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= rows) return;
  const RowIndex index = row_index(shape, flat);
  Acc* state_lse = static_cast<Acc*>(state.lse) + lse_offset(state, index);
  const Acc partial_lse = static_cast<const Acc*>(partial.lse)[lse_offset(partial, index)];
  const MergeWeights<Acc> weights = merge_weights(*state_lse, partial_lse);
  __syncwarp(__activemask());  // every lane has read the old lse before one of them writes the new
  if (lane == 0) *state_lse = weights.lse;
  if (weights.partial == Acc(0) && weights.state == Acc(1)) return;
  Acc* to = static_cast<Acc*>(state.out) + out_offset(state, index);
  const In* from = static_cast<const In*>(partial.out) + out_offset(partial, index);
  for (std::int64_t d = lane * width; d < shape.dim; d += kLanes * width) {
    const Pack<In, width> part = *reinterpret_cast<const Pack<In, width>*>(from + d);
    auto* place = reinterpret_cast<Pack<Acc, width>*>(to + d);
    Pack<Acc, width> sum = weights.state == Acc(0) ? Pack<Acc, width>{} : *place;
#pragma unroll
    for (int i = 0; i < width; ++i)
      sum.item[i] = sum.item[i] * weights.state + load_as(&part.item[i]) * weights.partial;
    *place = sum;
  }
}

template <typename Acc, typename Out, int width>
__global__ void finish_rows(MergeShape shape, MergeView state, MergeView result, Acc scale, std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= rows) return;
  const RowIndex index = row_index(shape, flat);
  const bool is_empty = static_cast<const Acc*>(state.lse)[lse_offset(state, index)] == Acc(-INFINITY);
  const Acc* from = static_cast<const Acc*>(state.out) + out_offset(state, index);
  Out* to = static_cast<Out*>(result.out) + out_offset(result, index);
  for (std::int64_t d = lane * width; d < shape.dim; d += kLanes * width) {
    const Pack<Acc, width> sum = *reinterpret_cast<const Pack<Acc, width>*>(from + d);
    Pack<Out, width> rounded;
#pragma unroll
    for (int i = 0; i < width; ++i) store_as(&rounded.item[i], is_empty ? Acc(0) : sum.item[i] * scale);
    *reinterpret_cast<Pack<Out, width>*>(to + d) = rounded;
  }
}

/// One row of a and b into the result; rows of b are not looked at where has_b is false.
template <typename Acc, typename A, typename B, typename R, int width>
__global__ void join_rows(MergeShape shape, MergeView a, MergeView b, MergeView result, bool has_b, Acc scale,
                          std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= rows) return;
  const RowIndex index = row_index(shape, flat);
  const Acc empty = -INFINITY;
  const Acc a_lse = static_cast<const Acc*>(a.lse)[lse_offset(a, index)];
  const Acc b_lse = has_b ? static_cast<const Acc*>(b.lse)[lse_offset(b, index)] : empty;
  const MergeWeights<Acc> weights = merge_weights(a_lse, b_lse);
  __syncwarp(__activemask());  // the result's lse may be a's
  if (lane == 0) static_cast<Acc*>(result.lse)[lse_offset(result, index)] = weights.lse;
  const bool takes_a = a_lse != empty, takes_b = b_lse != empty;
  const Acc a_weight = weights.state * scale, b_weight = weights.partial * scale;
  const A* from_a = static_cast<const A*>(a.out) + out_offset(a, index);
  const B* from_b = takes_b ? static_cast<const B*>(b.out) + out_offset(b, index) : nullptr;
  R* to = static_cast<R*>(result.out) + out_offset(result, index);
  for (std::int64_t d = lane * width; d < shape.dim; d += kLanes * width) {
    const Pack<A, width> of_a = takes_a ? *reinterpret_cast<const Pack<A, width>*>(from_a + d) : Pack<A, width>{};
    const Pack<B, width> of_b = takes_b ? *reinterpret_cast<const Pack<B, width>*>(from_b + d) : Pack<B, width>{};
    Pack<R, width> sum;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const Acc left = takes_a ? load_as(&of_a.item[i]) * a_weight : Acc(0);
      store_as(&sum.item[i], takes_b ? left + load_as(&of_b.item[i]) * b_weight : left);
    }
    *reinterpret_cast<Pack<R, width>*>(to + d) = sum;
  }
}

struct Grid {
  std::int64_t rows;
  unsigned blocks;
};
Grid grid_for(const MergeShape& shape) {
  const std::int64_t rows = shape.batches * shape.rows * shape.heads;
  return {rows, blocks_for(rows * kLanes, kThreads)};
}

bool is_aligned(const void* data, std::size_t bytes) { return reinterpret_cast<std::uintptr_t>(data) % bytes == 0; }

/// Whether every row starts on a multiple of `width` elements.
bool rows_aligned(const MergeView& view, std::int64_t dim, int width) {
  const auto fits = [width](std::int64_t stride) { return stride % width == 0; };
  return fits(dim) && fits(view.out_batch_stride) && fits(view.out_row_stride) && fits(view.out_head_stride) &&
         is_aligned(view.out, element_size(view.element) * static_cast<std::size_t>(width));
}

template <typename Acc, typename In>
void launch_merge(const MergeShape& shape, const MergeView& state, const MergeView& partial, cudaStream_t stream) {
  const Grid grid = grid_for(shape);
  if (grid.rows == 0) return;
  constexpr int width = sizeof(Acc) == 8 ? 2 : 4;
  if (rows_aligned(state, shape.dim, width) && rows_aligned(partial, shape.dim, width))
    merge_rows<Acc, In, width><<<grid.blocks, kThreads, 0, stream>>>(shape, state, partial, grid.rows);
  else
    merge_rows<Acc, In, 1><<<grid.blocks, kThreads, 0, stream>>>(shape, state, partial, grid.rows);
  check_launch("merge_rows");
}

template <typename Acc, typename Out>
void launch_finish(const MergeShape& shape, const MergeView& state, const MergeView& result, double scale,
                   cudaStream_t stream) {
  const Grid grid = grid_for(shape);
  if (grid.rows == 0) return;
  constexpr int width = sizeof(Acc) == 8 ? 2 : 4;
  const Acc factor = static_cast<Acc>(scale);
  if (rows_aligned(state, shape.dim, width) && rows_aligned(result, shape.dim, width))
    finish_rows<Acc, Out, width><<<grid.blocks, kThreads, 0, stream>>>(shape, state, result, factor, grid.rows);
  else
    finish_rows<Acc, Out, 1><<<grid.blocks, kThreads, 0, stream>>>(shape, state, result, factor, grid.rows);
  check_launch("finish_rows");
}

template <typename Acc, typename A, typename B, typename R>
void launch_join(const MergeShape& shape, const MergeView& a, const MergeView& b, const MergeView& result, double scale,
                 cudaStream_t stream) {
  const Grid grid = grid_for(shape);
  if (grid.rows == 0) return;
  // 16 bytes of the narrower side where all rows allow it.
  constexpr int width = sizeof(Acc) == 8 ? 2 : sizeof(B) == 2 ? 8 : 4;
  const bool has_b = b.out != nullptr;
  const bool is_aligned = rows_aligned(a, shape.dim, width) && rows_aligned(result, shape.dim, width) &&
                          (!has_b || rows_aligned(b, shape.dim, width));
  if (is_aligned)
    join_rows<Acc, A, B, R, width>
        <<<grid.blocks, kThreads, 0, stream>>>(shape, a, b, result, has_b, static_cast<Acc>(scale), grid.rows);
  else
    join_rows<Acc, A, B, R, 1>
        <<<grid.blocks, kThreads, 0, stream>>>(shape, a, b, result, has_b, static_cast<Acc>(scale), grid.rows);
  check_launch("join_rows");
}

/// a and result are states or of type In.
template <typename In>
void launch_join_of(const MergeShape& shape, const MergeView& a, const MergeView& b, const MergeView& result,
                    double scale, cudaStream_t stream) {
  const bool a_is_state = a.element == Element::f32, to_state = result.element == Element::f32;
  if (a_is_state && to_state) return launch_join<float, float, In, float>(shape, a, b, result, scale, stream);
  if (a_is_state) return launch_join<float, float, In, In>(shape, a, b, result, scale, stream);
  if (to_state) return launch_join<float, In, In, float>(shape, a, b, result, scale, stream);
  launch_join<float, In, In, In>(shape, a, b, result, scale, stream);
}

[[noreturn]] void unsupported() {
  throw std::invalid_argument("merge: the state must be f32, or f64 for f64 partials");
}

}  // namespace

void merge_partial_cuda(const MergeShape& shape, const MergeView& state, const MergeView& partial, void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (state.element == Element::f64 && partial.element == Element::f64)
    return launch_merge<double, double>(shape, state, partial, on);
  if (state.element != Element::f32) unsupported();
  switch (partial.element) {
    case Element::f32:
      return launch_merge<float, float>(shape, state, partial, on);
    case Element::bf16:
      return launch_merge<float, __nv_bfloat16>(shape, state, partial, on);
    case Element::f16:
      return launch_merge<float, __half>(shape, state, partial, on);
    case Element::f64:
      unsupported();
  }
}

void finish_rows_cuda(const MergeShape& shape, const MergeView& state, const MergeView& result, double scale,
                      void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (state.element == Element::f64 && result.element == Element::f64)
    return launch_finish<double, double>(shape, state, result, scale, on);
  if (state.element != Element::f32) unsupported();
  switch (result.element) {
    case Element::f32:
      return launch_finish<float, float>(shape, state, result, scale, on);
    case Element::bf16:
      return launch_finish<float, __nv_bfloat16>(shape, state, result, scale, on);
    case Element::f16:
      return launch_finish<float, __half>(shape, state, result, scale, on);
    case Element::f64:
      unsupported();
  }
}

void join_rows_cuda(const MergeShape& shape, const MergeView& a, const MergeView& b, const MergeView& result,
                    double scale, void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  // The type of the inputs: whichever of the three is no state.
  Element in = b.out != nullptr ? b.element : a.element;
  if (in == Element::f32 && b.out == nullptr) in = result.element;
  switch (in) {
    case Element::f64:
      return launch_join<double, double, double, double>(shape, a, b, result, scale, on);
    case Element::f32:
      return launch_join<float, float, float, float>(shape, a, b, result, scale, on);
    case Element::bf16:
      return launch_join_of<__nv_bfloat16>(shape, a, b, result, scale, on);
    case Element::f16:
      return launch_join_of<__half>(shape, a, b, result, scale, on);
  }
}

}  // namespace ringattn::kernels
