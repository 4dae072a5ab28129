#include "attention/row_sums.h"

#include "attention/device_stream.h"
#include "attention/merge_view.h"
#include "kernels/accumulate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace ringattn {
namespace {

/// Elements below which another thread costs more than it saves.
constexpr std::int64_t kElementsPerTask = std::int64_t{32} << 10;

/// A view of (batches, heads, rows, dim).
kernels::AccumulateView view_of(const at::Tensor& tensor) {
  return {.data = tensor.data_ptr(),
          .element = element_of(tensor),
          .batch_stride = tensor.stride(0),
          .row_stride = tensor.stride(2),
          .head_stride = tensor.stride(1)};
}

void advance(kernels::AccumulateView& view, std::int64_t elements) {
  view.data =
      static_cast<std::byte*>(view.data) + elements * static_cast<std::int64_t>(kernels::element_size(view.element));
}

void from_row(kernels::AccumulateView& view, std::int64_t row) {
  if (view.row_index != nullptr)
    view.row_index += row;
  else
    advance(view, row * view.row_stride);
}

/// Shares `kernel(shape, to, from)` out among the intra-op threads: by rows where no row of `to` occurs twice, else by
/// heads, so that each sum gets its parts from one thread, in one order.
template <typename Kernel>
void share_out(const kernels::MergeShape& shape, const kernels::AccumulateView& to_all,
               const kernels::AccumulateView& from_all, bool by_rows, Kernel kernel) {
  if (!by_rows && to_all.head_stride == 0) return kernel(shape, to_all, from_all);
  const std::int64_t items = by_rows ? shape.rows : shape.heads;
  const std::int64_t each = shape.batches * shape.rows * shape.heads * shape.dim / std::max<std::int64_t>(1, items);
  const std::int64_t grain = std::max<std::int64_t>(1, kElementsPerTask / std::max<std::int64_t>(1, each));
  at::parallel_for(0, items, grain, [&](std::int64_t begin, std::int64_t end) {
    kernels::MergeShape some = shape;
    kernels::AccumulateView to = to_all, from = from_all;
    if (by_rows) {
      some.rows = end - begin;
      from_row(to, begin);
      from_row(from, begin);
    } else {
      some.heads = end - begin;
      advance(to, begin * to.head_stride);
      advance(from, begin * from.head_stride);
    }
    kernel(some, to, from);
  });
}

void accumulate(const at::Device& device, const kernels::AccumulateView& sum, const kernels::AccumulateView& part,
                const kernels::MergeShape& shape, bool rows_are_apart, double scale) {
  if (!device.is_cpu()) return kernels::accumulate_rows_cuda(shape, sum, part, scale, current_stream(device));
  share_out(shape, sum, part, rows_are_apart, [scale](const auto& some, const auto& to, const auto& from) {
    kernels::accumulate_rows_cpu(some, to, from, scale);
  });
}

kernels::MergeShape shape_of(const at::Tensor& part) {
  return {.batches = part.size(0), .rows = part.size(2), .heads = part.size(1), .dim = part.size(3)};
}

}  // namespace

KeyValue zero_sums(std::int64_t batch, std::int64_t rows, std::int64_t key_heads, std::int64_t dim,
                   const at::TensorOptions& options) {
  return {at::zeros({batch, rows, key_heads, dim}, options), at::zeros({batch, rows, key_heads, dim}, options), {}, 0};
}

void add_call(const at::Tensor& sum, const HeadView& heads, const Rows& rows, const at::Tensor& index,
              const TileCall& call, const at::Tensor& part, double scale) {
  const bool is_listed = index.defined();
  const Rows whole{.first = 0, .count = rows.count};
  kernels::AccumulateView to = view_of(call_view(sum, heads, is_listed ? whole : rows, call));
  if (is_listed) to.row_index = index.const_data_ptr<std::int64_t>() + rows.first;
  accumulate(sum.device(), to, view_of(part), shape_of(part), rows.segments == 1, scale);
}

at::Tensor packed_call(const at::Tensor& call_rows, double factor) {
  const at::Tensor copy =
      at::empty({call_rows.size(0), call_rows.size(2), call_rows.size(1), call_rows.size(3)}, call_rows.options())
          .transpose(1, 2);
  const kernels::AccumulateView to = view_of(copy), from = view_of(call_rows);
  if (!copy.is_cpu()) {
    kernels::multiply_rows_cuda(shape_of(copy), to, from, factor, current_stream(copy.device()));
    return copy;
  }
  share_out(shape_of(copy), to, from, true, [factor](const auto& shape, const auto& some_to, const auto& some_from) {
    kernels::multiply_rows_cpu(shape, some_to, some_from, factor);
  });
  return copy;
}

void add_runs(const at::Tensor& sum, std::int64_t head_begin, const std::vector<Rows>& runs, const at::Tensor& part) {
  std::int64_t first = 0;
  for (const Rows& run : runs) {
    const TileCall call{{0, 0}, run, run, 0, sum.size(0)};
    const at::Tensor some = part.narrow(1, first, run.count).transpose(1, 2);
    accumulate(sum.device(), view_of(call_view(sum, {head_begin, part.size(2)}, run, call)), view_of(some),
               shape_of(some), true, 1.0);
    first += run.count;
  }
}

}  // namespace ringattn
