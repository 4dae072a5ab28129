#include "legacy/block_pattern.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t window_rows = 512;
constexpr std::int64_t global_rows = 64;
constexpr std::array<std::int64_t, 4> head_rates{1, 2, 4, 8};

struct Distance {
  at::Tensor row, column;
  at::Tensor offset() const { return column - row; }
};

Distance distances(std::int64_t blocks) {
  const at::Tensor place = at::arange(blocks);
  return {place.unsqueeze(1), place.unsqueeze(0)};
}

at::Tensor window(const Distance& at, std::int64_t half) { return at.offset().abs() <= half; }

at::Tensor local(const BlockSetting& setting, std::int64_t blocks) {
  return window(distances(blocks), window_rows / setting.block_size / 2);
}

at::Tensor global_and_local(const BlockSetting& setting, std::int64_t blocks) {
  const Distance at = distances(blocks);
  const std::int64_t first = global_rows / setting.block_size;
  return window(at, window_rows / setting.block_size / 2).logical_or(at.row < first).logical_or(at.column < first);
}

/// The diagonal, and j = i + o·rate for ⌊-t/2b⌋ <= o <= ⌊t/2b⌋ with t = ⌊density·b²⌋ of b blocks.
at::Tensor band(const BlockSetting& setting, std::int64_t blocks, std::int64_t rate) {
  const Distance at = distances(blocks);
  const auto kept = static_cast<std::int64_t>(static_cast<double>(blocks * blocks) * (1.0 - setting.sparsity_ratio));
  const std::int64_t reach = blocks == 0 ? 0 : kept / (2 * blocks);
  const std::int64_t back = blocks == 0 || kept % (2 * blocks) == 0 ? reach : reach + 1;
  const at::Tensor offset = at.offset();
  const at::Tensor in_band = (offset >= -back * rate).logical_and(offset <= reach * rate);
  return in_band.logical_and(offset.remainder(rate) == 0);
}

at::Tensor head_pattern(const BlockSetting& setting, std::int64_t rows, std::int64_t head) {
  const std::int64_t blocks = rows / setting.block_size;
  if (setting.pattern_type == "local") return local(setting, blocks);
  const auto rate = head_rates[static_cast<std::size_t>(head) % head_rates.size()];
  return setting.pattern_type == "dilated" ? band(setting, blocks, rate) : global_and_local(setting, blocks);
}

}  // namespace

at::Tensor natural_pattern(const BlockSetting& setting, std::int64_t rows) { return head_pattern(setting, rows, 0); }

at::Tensor forced_pattern(const BlockSetting& setting, std::int64_t rows, std::int64_t heads) {
  std::int64_t kept = 0, all = 0;
  for (std::int64_t head = 0; head < heads; ++head) {
    const at::Tensor pattern = head_pattern(setting, rows, head);
    kept += pattern.sum().item<std::int64_t>();
    all += pattern.numel();
  }
  const double excess = static_cast<double>(kept) / static_cast<double>(all) - (1.0 - setting.sparsity_ratio);
  const auto drawn = static_cast<std::int64_t>(std::abs(excess) * static_cast<double>(all));
  const std::int64_t drawn_from = excess > 0 ? kept : all - kept;
  // The class draws only from more than it wants: where all that there is would be needed, it leaves all as it was.
  if (all == 0 || std::abs(excess) < 0.01 || drawn == 0 || drawn_from <= drawn) return natural_pattern(setting, rows);
  throw Unavailable("the class drew " + std::to_string(drawn) + " of " + std::to_string(drawn_from) +
                    " blocks at random, and the recording has no aux/block_pattern");
}

at::Tensor visible_in_blocks(const at::Tensor& pattern, std::int64_t block_size, std::int64_t rows) {
  at::Tensor visible = at::zeros({rows, rows}, pattern.options().dtype(at::kBool));
  const at::Tensor wide = pattern.to(at::kBool).repeat_interleave(block_size, 0).repeat_interleave(block_size, 1);
  const std::int64_t covered = std::min(rows, wide.size(0));
  visible.narrow(0, 0, covered).narrow(1, 0, covered).copy_(wide.narrow(0, 0, covered).narrow(1, 0, covered));
  return visible;
}

}  // namespace ringattn::legacy
