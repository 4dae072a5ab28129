#include "config/error.h"
#include "plan/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace ringattn {
namespace {

bool is_whole(const PositionRun& run, std::int64_t block_size) {
  const bool hangs_together = run.step == 1 || run.count == 1;
  return hangs_together && run.first % block_size == 0 && run.count % block_size == 0;
}

/// The multiples of `unit` next to `value`, as words.
std::string nearest(std::int64_t value, std::int64_t unit) {
  const std::int64_t below = value / unit * unit;
  return below > 0 ? fmt::format("{} or {}", below, below + unit) : fmt::format("{}", unit);
}

[[noreturn]] void refuse(const RowLayout& layout, int rank, const AttentionFunction& function) {
  const std::int64_t block_size = function.blocks.block_size;
  switch (layout.kind) {
    case LayoutKind::contiguous:
      throw UsageError(fmt::format("shard_rows: rank {} has {} rows, no whole blocks of {}; the nearest that are: {}",
                                   rank, layout.local_rows(rank), block_size,
                                   nearest(layout.local_rows(rank), block_size)));
    case LayoutKind::zigzag:
      throw UsageError(fmt::format(
          "seq_len: {} rows in zigzag chunks of {} ranks are no whole blocks of {}; the nearest that are: {}; layout "
          "contiguous deals whole blocks",
          layout.seq_len, layout.world_size, block_size, nearest(layout.seq_len, 2 * block_size * layout.world_size)));
    case LayoutKind::striped:
    case LayoutKind::hilbert:
      break;
  }
  throw UsageError(fmt::format(
      "layout: {} cuts blocks of {} positions; contiguous deals whole blocks{}", to_string(layout.kind), block_size,
      layout.kind == LayoutKind::hilbert ? ", and pattern order \"hilbert\" cuts blocks along the curve" : ""));
}

}  // namespace

RowLayout contiguous_layout(const AttentionFunction& function, int world_size) {
  RowLayout layout{.kind = LayoutKind::contiguous, .seq_len = function.seq_len, .world_size = world_size};
  if (function.blocks.rule == BlockRule::none) return layout;
  const std::int64_t blocks = function.seq_len / function.blocks.block_size;
  if (blocks % world_size == 0) return layout;
  for (int rank = 0; rank < world_size; ++rank)
    layout.shard_rows.push_back((blocks / world_size + (rank < blocks % world_size ? 1 : 0)) *
                                function.blocks.block_size);
  return layout;
}

void check_whole_blocks(const RowLayout& layout, const AttentionFunction& function) {
  if (function.blocks.rule == BlockRule::none || function.axes.order != OrderRule::position) return;
  for (int rank = 0; rank < layout.world_size; ++rank) {
    for (const PositionRun& run : layout.positions(rank)) {
      if (!is_whole(run, function.blocks.block_size)) refuse(layout, rank, function);
    }
  }
}

}  // namespace ringattn
