#pragma once

#include "attention/tile_call.h"
#include "comm/communicator.h"
#include "plan/plan.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn {

/// Key and value rows, (batch, rows, key heads, dim) each: the rank's own, a region of a receive buffer, or packed
/// rows. Heads and dim lie contiguously, so that a row of a head range is one run of bytes.
struct KeyValue {
  at::Tensor key;
  at::Tensor value;
  at::Tensor mask;              ///< of keys: (batch or 1, rows), or undefined
  std::int64_t head_begin = 0;  ///< the key head that the tensors' head 0 is
};

/// Whether heads and dim lie contiguously.
bool lies_row_by_row(const at::Tensor& tensor);

/// The tensor itself where they do, else a copy.
at::Tensor row_contiguous(const at::Tensor& tensor);

/// Adds the rows of a transfer, for sending or receiving: keys, values and their masks.
void add_blocks(std::vector<Block>& blocks, const KeyValue& rows, const TransferPart& part);

/// Heads [begin, begin + count) as a kernel is to see them; repeated: all of them are head `begin`.
struct HeadView {
  std::int64_t begin = 0;
  std::int64_t count = 0;
  bool is_repeated = false;
};

/// (batches, heads, rows, dim) view of the rows of one call; dim must lie contiguously.
at::Tensor call_view(const at::Tensor& tensor, const HeadView& heads, const Rows& rows, const TileCall& call);

/// Row numbers where kernels on the device read them: as they lie on the CPU, else a copy. `rows` must outlive it.
at::Tensor row_numbers(const RowSlice& rows, const at::Device& device);

/// These rows of these heads, (batch, rows, heads, dim) contiguous. Allocates exactly that. `rows`: int64, on the
/// tensor's device.
at::Tensor packed_rows(const at::Tensor& tensor, HeadRange heads, const at::Tensor& rows);
/// The same of keys, values and their masks; `heads` are key heads of the rank.
KeyValue packed_rows(const KeyValue& source, HeadRange heads, const at::Tensor& rows);

}  // namespace ringattn
