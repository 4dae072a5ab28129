#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace ringattn::legacy {

/// What the released block-sparse class was told.
struct BlockSetting {
  std::int64_t block_size = 64;
  double sparsity_ratio = 0.9;         ///< the share of blocks that goes
  std::string pattern_type = "local";  ///< "dilated"; whatever else there is means global and local
};

/// (blocks, blocks) bool of ⌊rows/block_size⌋ blocks, before its density was forced: for "local" and "global" a window
/// of 512 rows (and 64 global ones), for "dilated" a band, as all heads followed the first head's rate, 1.
at::Tensor natural_pattern(const BlockSetting& setting, std::int64_t rows);

/// The pattern that the class used: the natural one where its density, over the patterns of all heads together, is the
/// wanted one up to 0.01 or nothing is left to draw. Unavailable where blocks were drawn at random.
at::Tensor forced_pattern(const BlockSetting& setting, std::int64_t rows, std::int64_t heads);

/// (rows, rows) bool: true in kept blocks; rows behind the last whole block are false.
at::Tensor visible_in_blocks(const at::Tensor& pattern, std::int64_t block_size, std::int64_t rows);

}  // namespace ringattn::legacy
