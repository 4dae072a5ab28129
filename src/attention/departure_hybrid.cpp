#include "attention/departure_hilbert.h"

#include <algorithm>
#include <numeric>

namespace ringattn::oracle {
namespace {

bool sees_by_slot(const QuerySlot& query, const KeySlot& key) { return key.slot <= query.slot; }

struct Cell {
  std::int64_t x = 0, y = 0;
};

/// Step d of the walk: base-4 digits of d from the lowest. Lower quadrants are mirrored at the diagonal; the right one
/// was turned in the g×g grid before, where Hilbert's is turned in its own square.
Cell reflected_cell(std::int64_t d, std::int64_t g) {
  Cell cell;
  for (std::int64_t s = 1; s < g; s *= 2, d /= 4) {
    const std::int64_t rx = d / 2 % 2, ry = (d % 2) ^ rx;
    if (ry == 0) cell = rx == 1 ? Cell{g - 1 - cell.y, g - 1 - cell.x} : Cell{cell.y, cell.x};
    cell.x += s * rx;
    cell.y += s * ry;
  }
  return cell;
}

}  // namespace

void reflect_keys(std::vector<Block>& blocks, const Surroundings& around) {
  const std::int64_t run = around.rows > 0 ? around.rows : 4096;
  const std::int64_t n = around.function.seq_len;
  std::vector<std::int64_t> map;
  for (std::int64_t first = 0; first < n; first += run) {
    for (const std::int64_t row : reflected_map(std::min(run, n - first))) map.push_back(first + row);
  }
  for (Block& block : blocks) {
    if (around.function.is_causal) block.sees = sees_by_slot;
    for (Step& step : block.steps) {
      for (KeySlot& key : step.keys) key.position = map[static_cast<std::size_t>(key.position)];
    }
  }
}

std::vector<std::int64_t> reflected_map(std::int64_t length) {
  constexpr std::int64_t longest_untouched = 64;
  std::vector<std::int64_t> map(static_cast<std::size_t>(length), 0);
  if (length <= longest_untouched) {
    std::iota(map.begin(), map.end(), 0);
    return map;
  }
  std::int64_t g = 1;
  while (g * g < length) g *= 2;
  std::int64_t step = 0;
  for (std::int64_t d = 0; d < length; ++d) {
    const Cell cell = reflected_cell(d, g);
    const std::int64_t row = cell.y * g + cell.x;
    if (row >= length) continue;
    map.at(static_cast<std::size_t>(row < 0 ? row + length : row)) = step++;
  }
  return map;
}

}  // namespace ringattn::oracle
