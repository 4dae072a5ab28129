#include "config/positions.h"

#include <algorithm>

namespace ringattn {

std::int64_t count(const Positions& positions) {
  std::int64_t total = 0;
  for (const PositionRun& run : positions) total += run.count;
  return total;
}

std::vector<std::int64_t> expand(const Positions& positions) {
  std::vector<std::int64_t> all;
  all.reserve(static_cast<std::size_t>(count(positions)));
  for (const PositionRun& run : positions) {
    for (std::int64_t i = 0; i < run.count; ++i) all.push_back(run.first + i * run.step);
  }
  return all;
}

Positions contiguous_positions(std::int64_t seq_len, int rank, int world_size) {
  const std::int64_t length = (seq_len + world_size - 1) / world_size;
  const std::int64_t begin = std::min(seq_len, rank * length);
  const std::int64_t end = std::min(seq_len, begin + length);
  if (begin == end) return {};
  return {{.first = begin, .count = end - begin, .step = 1}};
}

}  // namespace ringattn
