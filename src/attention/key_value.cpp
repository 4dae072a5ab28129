#include "attention/key_value.h"

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

at::Tensor row_contiguous(const at::Tensor& tensor) {
  const bool fits = tensor.stride(3) == 1 && tensor.stride(2) == tensor.size(3);
  return fits ? tensor : tensor.contiguous();
}

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

at::Tensor packed_rows(const at::Tensor& tensor, HeadRange heads, const RowSlice& rows) {
  at::Tensor packed = at::empty({tensor.size(0), rows.size(), heads.size(), tensor.size(3)}, tensor.options());
  const std::int64_t element = tensor.element_size(), head_bytes = tensor.size(3) * element;
  const auto* from = static_cast<const std::byte*>(tensor.const_data_ptr());
  auto* to = static_cast<std::byte*>(packed.data_ptr());
  at::parallel_for(0, tensor.size(0) * rows.size(), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t offset = i / rows.size() * tensor.stride(0) + rows.data()[i % rows.size()] * tensor.stride(1);
      for (std::int64_t h = 0; h < heads.size(); ++h)
        std::memcpy(to + (i * heads.size() + h) * head_bytes,
                    from + (offset + (heads.begin + h) * tensor.stride(2)) * element,
                    static_cast<std::size_t>(head_bytes));
    }
  });
  return packed;
}

KeyValue packed_rows(const KeyValue& source, HeadRange heads, const RowSlice& rows) {
  const HeadRange here{heads.begin - source.head_begin, heads.end - source.head_begin};
  KeyValue packed{packed_rows(source.key, here, rows), packed_rows(source.value, here, rows), {}, heads.begin};
  if (source.mask.defined()) {
    const at::Tensor as_rows = source.mask.unsqueeze(2).unsqueeze(3);
    packed.mask = packed_rows(as_rows, {0, 1}, rows).view({source.mask.size(0), rows.size()});
  }
  return packed;
}

}  // namespace ringattn
