#include "legacy/curves.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace ringattn::legacy {
namespace {

using Indices = std::vector<std::int64_t>;

at::Tensor tensor_of(const Indices& indices) { return at::tensor(indices, at::kLong); }

Indices identity(std::int64_t length) {
  Indices indices(static_cast<std::size_t>(length));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

struct Cell {
  std::int64_t x = 0;
  std::int64_t y = 0;
};

/// What a walk does in the last of four quadrants of side s, before x and y change places.
enum class Last { mirrored, turned, reflected_in_grid };

/// The cell that a walk through a square of side g reaches after d steps.
Cell cell_at(std::int64_t d, std::int64_t g, Last last) {
  Cell cell;
  for (std::int64_t s = 1; s < g; s *= 2, d /= 4) {
    const std::int64_t right = (d / 2) & 1;
    const std::int64_t up = (d ^ right) & 1;
    if (up == 0) {
      const std::int64_t corner = last == Last::reflected_in_grid ? g - 1 : s - 1;
      if (right == 1) cell = {corner - cell.x, corner - cell.y};
      if (right == 0 || last != Last::turned) std::swap(cell.x, cell.y);
    }
    cell = {cell.x + s * right, cell.y + s * up};
  }
  return cell;
}

std::int64_t side_for(std::int64_t length) {
  std::int64_t side = 1;
  while (side * side < length) side *= 2;
  return side;
}

/// The first `steps` cells below `length` as a walk meets them, numbered `major`·g + minor.
Indices walk(std::int64_t length, std::int64_t steps, Last last, bool is_x_major = false) {
  const std::int64_t g = side_for(length);
  Indices order;
  for (std::int64_t d = 0; d < steps; ++d) {
    const Cell cell = cell_at(d, g, last);
    const std::int64_t position = is_x_major ? cell.x * g + cell.y : cell.y * g + cell.x;
    if (position < length) order.push_back(position);
  }
  return order;
}

/// Appends the positions from the count that was kept: what was left out in the middle is not looked for.
Indices filled(Indices order, std::int64_t length) {
  for (auto next = static_cast<std::int64_t>(order.size()); next < length; ++next) order.push_back(next);
  return order;
}

/// rank[order[t]] = t; zeros elsewhere; negative entries count from the end, and the last of equal entries wins.
Indices rank_of(const Indices& order, std::int64_t length) {
  Indices rank(static_cast<std::size_t>(length), 0);
  for (std::size_t t = 0; t < order.size(); ++t) {
    const std::int64_t position = order[t] < 0 ? order[t] + length : order[t];
    rank.at(static_cast<std::size_t>(position)) = static_cast<std::int64_t>(t);
  }
  return rank;
}

Indices snake_indices(std::int64_t length) {
  Indices order = identity(length);
  std::int64_t width = 1;
  while (width * width < length) ++width;
  for (std::int64_t first = width; first < length; first += 2 * width) {
    std::reverse(order.begin() + first, order.begin() + std::min(first + width, length));
  }
  return order;
}

}  // namespace

at::Tensor snake(std::int64_t length) { return length <= 64 ? tensor_of(identity(length)) : snake_always(length); }

at::Tensor snake_always(std::int64_t length) { return tensor_of(snake_indices(length)); }

at::Tensor snake_by_segment(std::int64_t length, std::int64_t segment_length) {
  std::vector<at::Tensor> segments;
  for (std::int64_t first = 0; first < length; first += segment_length) {
    segments.push_back(snake(std::min(segment_length, length - first)) + first);
  }
  return at::cat(segments);
}

at::Tensor hilbert_cells(int levels) { return hilbert_order(std::int64_t{1} << (2 * levels)); }

at::Tensor hilbert_order(std::int64_t length) {
  const std::int64_t g = side_for(length);
  return tensor_of(walk(length, g * g, Last::mirrored));
}

at::Tensor hilbert_rank(std::int64_t length) {
  if (length <= 64) return tensor_of(identity(length));
  const std::int64_t g = side_for(length);
  return tensor_of(rank_of(walk(length, g * g, Last::mirrored), length));
}

at::Tensor turned_order(std::int64_t length) {
  return tensor_of(filled(walk(length, length, Last::turned, true), length));
}

at::Tensor turned_inverse(std::int64_t length) {
  return tensor_of(rank_of(filled(walk(length, length, Last::turned, true), length), length));
}

at::Tensor reflected_rank(std::int64_t length) {
  if (length <= 64) return tensor_of(identity(length));
  return tensor_of(rank_of(walk(length, length, Last::reflected_in_grid), length));
}

at::Tensor reflected_order(std::int64_t length, std::int64_t straight) {
  if (length <= straight) return tensor_of(identity(length));
  return tensor_of(filled(walk(length, length, Last::reflected_in_grid), length));
}

at::Tensor quadrant_rank(std::int64_t length) {
  const std::int64_t g = side_for(length);
  std::vector<Cell> curve{{}};
  for (std::int64_t m = 1; m < g; m *= 2) {
    std::vector<Cell> next;
    for (const Cell cell : curve) next.push_back({cell.y, cell.x});
    for (const Cell cell : curve) next.push_back({cell.x, cell.y + m});
    for (const Cell cell : curve) next.push_back({cell.x + m, cell.y + m});
    for (const Cell cell : curve) next.push_back({2 * m - 1 - cell.y, m - 1 - cell.x});
    curve = std::move(next);
  }
  Indices rank(static_cast<std::size_t>(length), 0);
  for (std::int64_t t = 0; t < length; ++t) {
    const Cell cell = curve[static_cast<std::size_t>(t)];
    const std::int64_t position = cell.y * g + cell.x;
    if (position < length) rank[static_cast<std::size_t>(position)] = t;
  }
  return tensor_of(rank);
}

bool is_power_of_two(std::int64_t length) { return length > 0 && (length & (length - 1)) == 0; }

at::Tensor bit_reversal(std::int64_t length) {
  Indices order = identity(length);
  for (std::int64_t& index : order) {
    std::int64_t reversed = 0;
    for (std::int64_t bit = 1, rest = index; bit < length; bit *= 2, rest /= 2) reversed = reversed * 2 + rest % 2;
    index = reversed;
  }
  return tensor_of(order);
}

at::Tensor gray_code(std::int64_t length) {
  if (is_power_of_two(length)) return bit_reversal(length);
  Indices order = identity(length);
  for (std::int64_t& index : order) index = (index ^ (index / 2)) % length;
  return tensor_of(order);
}

at::Tensor z_order(std::int64_t width, std::int64_t height) {
  const auto code = [&](std::int64_t position) {
    std::int64_t interleaved = 0;
    for (int bit = 0; (std::int64_t{1} << bit) < std::max(width, height); ++bit) {
      const std::int64_t x = (std::int64_t{1} << bit) < width ? (position % width >> bit) & 1 : 0;
      const std::int64_t y = (std::int64_t{1} << bit) < height ? (position / width >> bit) & 1 : 0;
      interleaved |= x << (2 * bit) | y << (2 * bit + 1);
    }
    return interleaved;
  };
  Indices order = identity(width * height);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return code(a) < code(b); });
  return tensor_of(order);
}

}  // namespace ringattn::legacy
