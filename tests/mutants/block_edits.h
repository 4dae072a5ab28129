#pragma once

#include "comm/communicator.h"

#include <cstddef>
#include <cstdint>
#include <vector>

// What mutants do to rows in flight, where a transfer has one part: K of every batch index, then V.

namespace ringattn::mutants {

/// Calls visit(row's bytes, their number) for every row of the blocks.
template <typename Visit>
void for_each_row(const std::vector<Block>& blocks, const Visit& visit) {
  for (const Block& block : blocks) {
    for (std::int64_t row = 0; row < block.rows; ++row)
      visit(block.data + row * block.row_stride_bytes, block.row_bytes);
  }
}

inline std::vector<Block> keys_of(const Message& message) {
  return {message.blocks.begin(), message.blocks.begin() + static_cast<std::ptrdiff_t>(message.blocks.size() / 2)};
}
inline std::vector<Block> values_of(const Message& message) {
  return {message.blocks.begin() + static_cast<std::ptrdiff_t>(message.blocks.size() / 2), message.blocks.end()};
}

}  // namespace ringattn::mutants
