#include "pattern/block_mask.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ringattn {
namespace {

using Blocks = std::vector<std::int64_t>;

/// Couples that may meet: ⌊(1 - sparsity_ratio)·N² + 1e-6⌋.
std::int64_t budget_of(const BlockSparsity& blocks, std::int64_t size) {
  const double couples = static_cast<double>(size) * static_cast<double>(size);
  return static_cast<std::int64_t>(std::floor((1.0 - blocks.sparsity_ratio) * couples + 1e-6));
}

/// Couples |i - j| <= h among `size` blocks.
std::int64_t band_couples(std::int64_t size, std::int64_t h) {
  h = std::min(h, size - 1);
  return size < 1 ? 0 : size * (2 * h + 1) - h * (h + 1);
}

std::int64_t global_couples(std::int64_t size, std::int64_t global, std::int64_t h) {
  return global * (2 * size - global) + band_couples(size - global, h);
}

/// Distances from the diagonal that h steps of the rates reach, ascending, 0 among them.
std::set<std::int64_t> distances(const std::vector<std::int64_t>& rates, std::int64_t h, std::int64_t size) {
  std::set<std::int64_t> found{0};
  for (const std::int64_t rate : rates) {
    for (std::int64_t m = 1; m <= h && m * rate < size; ++m) found.insert(m * rate);
  }
  return found;
}

std::int64_t dilated_half_width(const std::vector<std::int64_t>& rates, std::int64_t size, std::int64_t budget) {
  std::set<std::int64_t> known{0};
  std::int64_t couples = size;
  std::int64_t h = 0;
  const std::int64_t steps_max = (size - 1) / *std::min_element(rates.begin(), rates.end());
  while (h < steps_max) {
    for (const std::int64_t rate : rates) {
      const std::int64_t distance = (h + 1) * rate;
      if (distance < size && known.insert(distance).second) couples += 2 * (size - distance);
    }
    if (couples > budget) break;
    ++h;
  }
  return h;
}

std::vector<BlockRun> runs_of(const Blocks& ascending) {
  std::vector<BlockRun> runs;
  for (const std::int64_t block : ascending) {
    if (!runs.empty() && runs.back().end == block)
      ++runs.back().end;
    else
      runs.push_back({block, block + 1});
  }
  return runs;
}

BlockRun band(std::int64_t block, std::int64_t h, std::int64_t first, std::int64_t size) {
  return {std::max(first, block - h), std::min(size, block + h + 1)};
}

std::vector<BlockRun> global_runs(std::int64_t block, std::int64_t global, std::int64_t h, std::int64_t size) {
  if (block < global) return {{0, size}};
  const BlockRun near = band(block, h, global, size);
  if (near.begin == global) return {{0, near.end}};
  return {{0, global}, near};
}

std::vector<BlockRun> dilated_runs(std::int64_t block, const std::set<std::int64_t>& steps, std::int64_t size) {
  std::set<std::int64_t> found;
  for (const std::int64_t distance : steps) {
    if (distance <= block) found.insert(block - distance);
    if (block + distance < size) found.insert(block + distance);
  }
  return runs_of(Blocks(found.begin(), found.end()));
}

/// Which key blocks hold cells near those of a query block, by widening its cells along one side and then the other.
class GridNeighbours {
 public:
  GridNeighbours(const BlockSparsity& blocks, std::int64_t seq_len, const Blocks& query_positions,
                 const Blocks& key_positions)
      : blocks_(blocks),
        seq_len_(seq_len),
        query_positions_(query_positions),
        block_of_position_(static_cast<std::size_t>(seq_len)),
        cells_((seq_len + blocks.grid_width - 1) / blocks.grid_width * blocks.grid_width),
        stamp_(static_cast<std::size_t>(cells_), -1) {
    for (std::int64_t place = 0; place < seq_len; ++place)
      block_of_position_[static_cast<std::size_t>(position(key_positions, place))] = place / blocks.block_size;
  }

  std::vector<BlockRun> keys_of(std::int64_t block) {
    Blocks cells;
    for (std::int64_t i = 0; i < blocks_.block_size; ++i)
      cells.push_back(position(query_positions_, block * blocks_.block_size + i));
    std::set<std::int64_t> found;
    for (const std::int64_t cell : widened(widened(cells, Side::row), Side::column)) {
      if (cell < seq_len_) found.insert(block_of_position_[static_cast<std::size_t>(cell)]);
    }
    return runs_of(Blocks(found.begin(), found.end()));
  }

 private:
  static std::int64_t position(const Blocks& positions, std::int64_t place) {
    return positions.empty() ? place : positions[static_cast<std::size_t>(place)];
  }

  enum class Side { row, column };

  /// The cells at most radius steps away along a side, each once.
  Blocks widened(const Blocks& cells, Side side) {
    const std::int64_t width = blocks_.grid_width, radius = blocks_.grid_radius;
    const bool in_row = side == Side::row;
    const std::int64_t step = in_row ? 1 : width;
    Blocks wide;
    ++stamps_;
    for (const std::int64_t cell : cells) {
      const std::int64_t row = cell / width;
      const std::int64_t low = in_row ? std::max(row * width, cell - radius) : cell - std::min(radius, row) * width;
      const std::int64_t high =
          in_row ? std::min((row + 1) * width - 1, cell + radius) : std::min(cell + radius * width, cells_ - 1);
      for (std::int64_t near = low; near <= high; near += step) {
        std::int64_t& stamp = stamp_[static_cast<std::size_t>(near)];
        if (stamp == stamps_) continue;
        stamp = stamps_;
        wide.push_back(near);
      }
    }
    return wide;
  }

  const BlockSparsity& blocks_;
  std::int64_t seq_len_;
  const Blocks& query_positions_;
  Blocks block_of_position_;
  std::int64_t cells_;  ///< of the grid's whole rows, the last of which may go beyond the sequence
  Blocks stamp_;
  std::int64_t stamps_ = 0;
};

}  // namespace

std::int64_t band_half_width(const BlockSparsity& blocks, std::int64_t size, const std::vector<std::int64_t>& rates) {
  const std::int64_t budget = budget_of(blocks, size);
  if (blocks.rule == BlockRule::dilated) return dilated_half_width(rates, size, budget);
  const std::int64_t global = blocks.rule == BlockRule::global_local ? std::min(blocks.global_blocks, size) : 0;
  std::int64_t h = 0;
  while (h + 1 < size && global_couples(size, global, h + 1) <= budget) ++h;
  return h;
}

BlockMask::BlockMask(const BlockSparsity& blocks, std::int64_t seq_len,
                     const std::vector<std::int64_t>& query_positions, const std::vector<std::int64_t>& key_positions)
    : size_(seq_len / blocks.block_size) {
  const auto add = [&](const auto& keys_of) {
    Runs& runs = keys_.emplace_back();
    for (std::int64_t block = 0; block < size_; ++block) runs.push_back(keys_of(block));
  };
  const auto add_dilated = [&](const std::vector<std::int64_t>& rates) {
    const std::set<std::int64_t> steps = distances(rates, band_half_width(blocks, size_, rates), size_);
    add([&](std::int64_t block) { return dilated_runs(block, steps, size_); });
  };
  const std::int64_t global = std::min(blocks.global_blocks, size_);
  std::int64_t h = 0;
  if (blocks.rule == BlockRule::local || blocks.rule == BlockRule::global_local) h = band_half_width(blocks, size_, {});
  switch (blocks.rule) {
    case BlockRule::none:
      add([&](std::int64_t) { return std::vector<BlockRun>{{0, size_}}; });
      break;
    case BlockRule::local:
      add([&](std::int64_t block) { return std::vector<BlockRun>{band(block, h, 0, size_)}; });
      break;
    case BlockRule::global_local:
      add([&](std::int64_t block) { return global_runs(block, global, h, size_); });
      break;
    case BlockRule::dilated:
      if (!blocks.per_head) add_dilated(blocks.rates);
      for (const std::int64_t rate : blocks.per_head ? blocks.rates : std::vector<std::int64_t>{}) add_dilated({rate});
      break;
    case BlockRule::grid:
      GridNeighbours neighbours(blocks, seq_len, query_positions, key_positions);
      add([&](std::int64_t block) { return neighbours.keys_of(block); });
  }
}

}  // namespace ringattn
