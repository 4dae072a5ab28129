#include "attention/key_value.h"

#include "attention/device_stream.h"
#include "kernels/rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstring>

namespace ringattn {
namespace {

void add_row_blocks(std::vector<Block>& blocks, const at::Tensor& tensor, HeadRange heads,
                    const std::vector<Rows>& rows) {
  const std::int64_t bytes = tensor.element_size();
  auto* base = static_cast<std::byte*>(tensor.data_ptr());
  for (std::int64_t b = 0; b < tensor.size(0); ++b) {
    for (const Rows& run : rows) {
      const std::int64_t offset = b * tensor.stride(0) + run.first * tensor.stride(1) + heads.begin * tensor.stride(2);
      blocks.push_back({base + offset * bytes, run.count, run.step * tensor.stride(1) * bytes,
                        heads.size() * tensor.size(3) * bytes});
    }
  }
}

void add_mask_blocks(std::vector<Block>& blocks, const at::Tensor& mask, const std::vector<Rows>& rows) {
  const std::int64_t bytes = mask.element_size();
  auto* base = static_cast<std::byte*>(mask.data_ptr());
  for (std::int64_t b = 0; b < mask.size(0); ++b) {
    for (const Rows& run : rows)
      blocks.push_back({base + (b * mask.stride(0) + run.first * mask.stride(1)) * bytes, run.count,
                        run.step * mask.stride(1) * bytes, bytes});
  }
}

}  // namespace

bool lies_row_by_row(const at::Tensor& tensor) { return tensor.stride(3) == 1 && tensor.stride(2) == tensor.size(3); }

at::Tensor row_contiguous(const at::Tensor& tensor) { return lies_row_by_row(tensor) ? tensor : tensor.contiguous(); }

void add_blocks(std::vector<Block>& blocks, const KeyValue& rows, const TransferPart& part) {
  const HeadRange heads{part.heads.begin - rows.head_begin, part.heads.end - rows.head_begin};
  add_row_blocks(blocks, rows.key, heads, part.source.rows);
  add_row_blocks(blocks, rows.value, heads, part.source.rows);
  if (rows.mask.defined()) add_mask_blocks(blocks, rows.mask, part.source.rows);
}

at::Tensor call_view(const at::Tensor& tensor, const HeadView& heads, const Rows& rows, const TileCall& call) {
  const std::int64_t row_stride = tensor.stride(1);
  const std::int64_t offset = tensor.storage_offset() + call.batch_begin * tensor.stride(0) + rows.first * row_stride +
                              heads.begin * tensor.stride(2);
  const std::int64_t batch_stride = rows.segments > 1 ? rows.segment_stride * row_stride : tensor.stride(0);
  const std::int64_t head_stride = heads.is_repeated ? 0 : tensor.stride(2);
  return tensor.as_strided({call.batches(), heads.count, rows.count, tensor.size(3)},
                           {batch_stride, head_stride, rows.step * row_stride, 1}, offset);
}

at::Tensor row_numbers(const RowSlice& rows, const at::Device& device) {
  // Nothing writes through it.
  auto* data = const_cast<std::int64_t*>(rows.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return at::from_blob(data, {rows.size()}, at::TensorOptions().dtype(at::kLong)).to(device);
}

namespace {

void pack_cuda(const at::Tensor& tensor, HeadRange heads, const at::Tensor& rows, const at::Tensor& packed) {
  const std::int64_t element = tensor.element_size();
  const kernels::PackShape shape{.batches = tensor.size(0),
                                 .rows = rows.size(0),
                                 .heads = heads.size(),
                                 .head_bytes = tensor.size(3) * element,
                                 .from_batch_stride = tensor.stride(0) * element,
                                 .from_row_stride = tensor.stride(1) * element,
                                 .from_head_stride = tensor.stride(2) * element};
  const auto* from = static_cast<const std::byte*>(tensor.const_data_ptr()) + heads.begin * shape.from_head_stride;
  kernels::pack_rows_cuda(shape, from, rows.const_data_ptr<std::int64_t>(), packed.data_ptr(),
                          current_stream(tensor.device()));
}

}  // namespace

at::Tensor packed_rows(const at::Tensor& tensor, HeadRange heads, const at::Tensor& rows) {
  const std::int64_t count = rows.size(0);
  at::Tensor packed = at::empty({tensor.size(0), count, heads.size(), tensor.size(3)}, tensor.options());
  if (!tensor.is_cpu()) {
    pack_cuda(tensor, heads, rows, packed);
    return packed;
  }
  const auto* index = rows.const_data_ptr<std::int64_t>();
  const std::int64_t element = tensor.element_size(), head_bytes = tensor.size(3) * element;
  const auto* from = static_cast<const std::byte*>(tensor.const_data_ptr());
  auto* to = static_cast<std::byte*>(packed.data_ptr());
  at::parallel_for(0, tensor.size(0) * count, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t offset = i / count * tensor.stride(0) + index[i % count] * tensor.stride(1);
      for (std::int64_t h = 0; h < heads.size(); ++h)
        std::memcpy(to + (i * heads.size() + h) * head_bytes,
                    from + (offset + (heads.begin + h) * tensor.stride(2)) * element,
                    static_cast<std::size_t>(head_bytes));
    }
  });
  return packed;
}

KeyValue packed_rows(const KeyValue& source, HeadRange heads, const at::Tensor& rows) {
  const HeadRange here{heads.begin - source.head_begin, heads.end - source.head_begin};
  KeyValue packed{packed_rows(source.key, here, rows), packed_rows(source.value, here, rows), {}, heads.begin};
  if (source.mask.defined()) {
    const at::Tensor as_rows = source.mask.unsqueeze(2).unsqueeze(3);
    packed.mask = packed_rows(as_rows, {0, 1}, rows).view({source.mask.size(0), rows.size(0)});
  }
  return packed;
}

}  // namespace ringattn
