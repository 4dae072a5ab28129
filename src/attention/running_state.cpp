#include "attention/running_state.h"

#include "kernels/merge.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>

namespace ringattn {
namespace {

/// Rows · heads · dim elements below which another thread costs more than it saves.
constexpr std::int64_t kElementsPerTask = std::int64_t{32} << 10;

/// A view of rows whose tensors are (batch, rows, heads[, dim]).
kernels::MergeView view_of(const at::Tensor& out, const at::Tensor& lse) {
  return {.out = out.data_ptr(),
          .lse = lse.data_ptr(),
          .element = element_of(out),
          .out_batch_stride = out.stride(0),
          .out_row_stride = out.stride(1),
          .out_head_stride = out.stride(2),
          .lse_batch_stride = lse.stride(0),
          .lse_row_stride = lse.stride(1),
          .lse_head_stride = lse.stride(2)};
}

std::byte* advanced(void* data, std::int64_t elements, std::size_t bytes) {
  return static_cast<std::byte*>(data) + elements * static_cast<std::int64_t>(bytes);
}

kernels::MergeView from_row(kernels::MergeView view, std::int64_t row, std::size_t lse_bytes) {
  if (view.row_index != nullptr) {
    view.row_index += row;
    return view;
  }
  view.out = advanced(view.out, row * view.out_row_stride, kernels::element_size(view.element));
  view.lse = advanced(view.lse, row * view.lse_row_stride, lse_bytes);
  return view;
}

/// Runs `kernel(shape, state rows, other rows)` on stretches of rows, shared out among the intra-op threads.
template <typename Kernel>
void over_rows(const kernels::MergeShape& shape, const kernels::MergeView& state, const kernels::MergeView& other,
               Kernel kernel) {
  const std::size_t lse_bytes = kernels::element_size(state.element);
  const std::int64_t row_elements = std::max<std::int64_t>(1, shape.batches * shape.heads * shape.dim);
  const std::int64_t grain = std::max<std::int64_t>(1, kElementsPerTask / row_elements);
  at::parallel_for(0, shape.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    kernels::MergeShape part = shape;
    part.rows = end - begin;
    kernel(part, from_row(state, begin, lse_bytes), from_row(other, begin, lse_bytes));
  });
}

}  // namespace

kernels::Element element_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return kernels::Element::f64;
    case at::kBFloat16:
      return kernels::Element::bf16;
    case at::kHalf:
      return kernels::Element::f16;
    default:
      return kernels::Element::f32;
  }
}

at::ScalarType state_dtype(at::ScalarType input_dtype) { return input_dtype == at::kDouble ? at::kDouble : at::kFloat; }

RunningState::RunningState(std::int64_t batch, std::int64_t rows, std::int64_t heads, std::int64_t dim,
                           at::ScalarType input_dtype)
    : out_(at::empty({batch, rows, heads, dim}, at::TensorOptions().dtype(state_dtype(input_dtype)))),
      lse_(at::full({batch, rows, heads}, -std::numeric_limits<double>::infinity(), out_.options())) {}

void RunningState::merge(const Partial& partial, HeadRange heads, const Rows& rows, std::int64_t batch_index) {
  kernels::MergeView state = view_of(out_, lse_);
  const std::size_t bytes = kernels::element_size(state.element);
  const std::int64_t batch = rows.segments > 1 ? batch_index : 0;
  state.out = advanced(
      state.out,
      batch * state.out_batch_stride + rows.first * state.out_row_stride + heads.begin * state.out_head_stride, bytes);
  state.lse = advanced(
      state.lse,
      batch * state.lse_batch_stride + rows.first * state.lse_row_stride + heads.begin * state.lse_head_stride, bytes);
  if (rows.segments > 1) {
    state.out_batch_stride = rows.segment_stride * state.out_row_stride;
    state.lse_batch_stride = rows.segment_stride * state.lse_row_stride;
  }
  state.out_row_stride *= rows.step;
  state.lse_row_stride *= rows.step;
  const kernels::MergeShape shape{.batches = rows.segments > 1 ? rows.segments : out_.size(0),
                                  .rows = rows.count,
                                  .heads = heads.size(),
                                  .dim = out_.size(3)};
  over_rows(shape, state, view_of(partial.out.transpose(1, 2), partial.lse.transpose(1, 2)),
            kernels::merge_partial_cpu);
}

void RunningState::merge(const Partial& partial, HeadRange heads, const std::int64_t* rows) {
  kernels::MergeView state =
      view_of(out_.narrow(2, heads.begin, heads.size()), lse_.narrow(2, heads.begin, heads.size()));
  state.row_index = rows;
  const kernels::MergeShape shape{
      .batches = partial.out.size(0), .rows = partial.out.size(2), .heads = heads.size(), .dim = out_.size(3)};
  over_rows(shape, state, view_of(partial.out.transpose(1, 2), partial.lse.transpose(1, 2)),
            kernels::merge_partial_cpu);
}

Partial RunningState::finish(at::ScalarType dtype, double scale) {
  at::Tensor out = dtype == out_.scalar_type() ? out_ : at::empty(out_.sizes(), out_.options().dtype(dtype));
  const kernels::MergeShape shape{
      .batches = out_.size(0), .rows = out_.size(1), .heads = out_.size(2), .dim = out_.size(3)};
  over_rows(shape, view_of(out_, lse_), view_of(out, lse_),
            [scale](const auto& part, const auto& state, const auto& result) {
              kernels::finish_rows_cpu(part, state, result, scale);
            });
  out_ = at::Tensor();
  return {out, lse_.transpose(1, 2)};
}

}  // namespace ringattn
