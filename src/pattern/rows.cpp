#include "pattern/rows.h"

#include <algorithm>

namespace ringattn {

std::vector<std::int64_t> expand(const Rows& rows) {
  std::vector<std::int64_t> all;
  all.reserve(static_cast<std::size_t>(rows.size()));
  for (std::int64_t s = 0; s < rows.segments; ++s) {
    for (std::int64_t i = 0; i < rows.count; ++i) all.push_back(rows.first + s * rows.segment_stride + i * rows.step);
  }
  return all;
}

std::int64_t count_before(const Rows& rows, std::int64_t position) {
  return std::clamp<std::int64_t>((position - rows.first + rows.step - 1) / rows.step, 0, rows.count);
}

Rows clip(const Rows& rows, std::int64_t begin, std::int64_t end) {
  const std::int64_t before = count_before(rows, begin);
  return {.first = rows.first + before * rows.step,
          .count = std::max<std::int64_t>(0, count_before(rows, end) - before),
          .step = rows.step};
}

bool RowSlice::operator==(const RowSlice& other) const {
  return size() == other.size() && (empty() || std::equal(data(), data() + size(), other.data()));
}

std::vector<Rows> to_progressions(const std::vector<std::int64_t>& ascending) {
  std::vector<Rows> runs;
  for (const std::int64_t row : ascending) {
    if (!runs.empty()) {
      Rows& run = runs.back();
      if (run.count == 1) run.step = row - run.first;
      if (row == run.last_of_segment() + run.step) {
        ++run.count;
        continue;
      }
    }
    runs.push_back({.first = row, .count = 1});
  }
  for (Rows& run : runs) {
    if (run.count == 1) run.step = 1;
  }
  return runs;
}

std::vector<Rows> join_adjacent(const std::vector<Rows>& progressions) {
  std::vector<Rows> joined;
  for (const Rows& next : progressions) {
    if (!joined.empty()) {
      Rows& run = joined.back();
      const std::int64_t gap = next.first - run.last_of_segment();
      const bool step_fits = (run.count == 1 || run.step == gap) && (next.count == 1 || next.step == gap);
      if (gap > 0 && step_fits) {
        run.step = gap;
        run.count += next.count;
        continue;
      }
    }
    joined.push_back(next);
  }
  return joined;
}

Rows residue_class(std::int64_t origin, std::int64_t end, std::int64_t residue, std::int64_t rate) {
  const std::int64_t first = origin + residue;
  const std::int64_t rows = first < end ? (end - first + rate - 1) / rate : 0;
  return {.first = first, .count = rows, .step = rate};
}

}  // namespace ringattn
