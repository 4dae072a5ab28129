#include "attention/oracle_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace ringattn::oracle {

RowViews::RowViews(const AttentionFunction& function, const Defects& defects, const Strand& strand,
                   std::span<const std::int64_t> rows) {
  views_.reserve(rows.size());
  for (const std::int64_t row : rows) views_.push_back(views_of(function, defects, strand, row));
}

RowViews::KeyRange RowViews::key_range() const {
  KeyRange range{std::numeric_limits<std::int64_t>::max(), 0};
  for (const auto& row : views_) {
    for (const QueryView& view : row) {
      const auto [begin, end] = view.keys().range();
      if (begin >= end) continue;
      range.begin = std::min(range.begin, begin);
      range.end = std::max(range.end, end);
    }
  }
  return range;
}

at::Tensor RowViews::weights(std::int64_t first, std::int64_t count) const {
  at::Tensor result = at::zeros({static_cast<std::int64_t>(views_.size()), count}, at::kDouble);
  auto* row = result.mutable_data_ptr<double>();
  for (const auto& pairs : views_) {
    for (const QueryView& view : pairs) {
      view.for_each_key(first, first + count, [&](std::int64_t key, std::int64_t weight) {
        row[key - first] += static_cast<double>(weight);
      });
    }
    row += count;
  }
  return result;
}

}  // namespace ringattn::oracle
