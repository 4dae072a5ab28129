#pragma once

#include "comm/communicator.h"

#include <cstddef>
#include <functional>
#include <span>

namespace ringattn {

/// True when both lists describe the same sequence of row sizes, however it is cut into blocks. Empty rows don't count.
bool same_rows(std::span<const Block> source, std::span<const Block> target);

/// A stretch of rows that lie evenly at both ends.
struct PairedRows {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::int64_t rows = 0;
  std::int64_t row_bytes = 0;
  std::int64_t from_stride_bytes = 0;
  std::int64_t to_stride_bytes = 0;
};
/// Cuts two lists with the same_rows into the longest such stretches, in order.
void for_each_stretch(std::span<const Block> source, std::span<const Block> target,
                      const std::function<void(const PairedRows&)>& use);

/// Copies the rows of `source` into those of `target`, in order, and returns the number of bytes. Rows that are
/// contiguous at both ends go in one memcpy; `on_run`, if set, sees the source bytes of each. Precondition:
/// same_rows(source, target).
std::int64_t copy_rows(std::span<const Block> source, std::span<const Block> target,
                       const std::function<void(std::span<const std::byte>)>& on_run = {});

}  // namespace ringattn
