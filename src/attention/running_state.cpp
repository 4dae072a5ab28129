#include "attention/running_state.h"

#include "attention/device_stream.h"
#include "attention/merge_view.h"
#include "kernels/merge.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>
#include <utility>

namespace ringattn {
namespace {

/// Rows · heads · dim elements below which another thread costs more than it saves.
constexpr std::int64_t kElementsPerTask = std::int64_t{32} << 10;

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

void merge_on(const at::Device& device, const kernels::MergeShape& shape, const kernels::MergeView& state,
              const kernels::MergeView& partial) {
  if (device.is_cpu()) return over_rows(shape, state, partial, kernels::merge_partial_cpu);
  kernels::merge_partial_cuda(shape, state, partial, current_stream(device));
}

void finish_on(const at::Device& device, const kernels::MergeShape& shape, const kernels::MergeView& state,
               const kernels::MergeView& result, double scale) {
  if (!device.is_cpu()) return kernels::finish_rows_cuda(shape, state, result, scale, current_stream(device));
  over_rows(shape, state, result, [scale](const auto& part, const auto& from, const auto& to) {
    kernels::finish_rows_cpu(part, from, to, scale);
  });
}

}  // namespace

at::ScalarType state_dtype(at::ScalarType input_dtype) { return input_dtype == at::kDouble ? at::kDouble : at::kFloat; }

RunningState::RunningState(std::int64_t batch, std::int64_t rows, std::int64_t heads, std::int64_t dim,
                           at::ScalarType input_dtype, at::Device device)
    : out_(at::empty({batch, rows, heads, dim}, at::TensorOptions().dtype(state_dtype(input_dtype)).device(device))),
      lse_(at::full({batch, rows, heads}, -std::numeric_limits<double>::infinity(), out_.options())) {}

RunningState::RunningState(at::Tensor out, at::Tensor lse) : out_(std::move(out)), lse_(std::move(lse)) {}

void RunningState::merge(const Partial& partial, HeadRange heads, const Rows& rows, std::int64_t batch_index) {
  kernels::MergeView state = merge_view(out_, lse_);
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
  merge_on(out_.device(), shape, state, merge_view(partial.out.transpose(1, 2), partial.lse.transpose(1, 2)));
}

void RunningState::merge(const Partial& partial, HeadRange heads, const std::int64_t* rows) {
  kernels::MergeView state =
      merge_view(out_.narrow(2, heads.begin, heads.size()), lse_.narrow(2, heads.begin, heads.size()));
  state.row_index = rows;
  const kernels::MergeShape shape{
      .batches = partial.out.size(0), .rows = partial.out.size(2), .heads = heads.size(), .dim = out_.size(3)};
  merge_on(out_.device(), shape, state, merge_view(partial.out.transpose(1, 2), partial.lse.transpose(1, 2)));
}

Partial RunningState::finish(at::ScalarType dtype, double scale) {
  at::Tensor out = dtype == out_.scalar_type() ? out_ : at::empty(out_.sizes(), out_.options().dtype(dtype));
  const kernels::MergeShape shape{
      .batches = out_.size(0), .rows = out_.size(1), .heads = out_.size(2), .dim = out_.size(3)};
  finish_on(out_.device(), shape, merge_view(out_, lse_), merge_view(out, lse_), scale);
  out_ = at::Tensor();
  return {out, lse_.transpose(1, 2)};
}

}  // namespace ringattn
