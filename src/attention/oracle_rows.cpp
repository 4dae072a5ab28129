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
      const KeyProgression keys = view.keys();
      if (keys.count == 0) continue;
      range.begin = std::min(range.begin, keys.first);
      range.end = std::max(range.end, keys.end());
    }
  }
  return range;
}

at::Tensor RowViews::weights(std::int64_t first, std::int64_t count) const {
  at::Tensor result = at::zeros({static_cast<std::int64_t>(views_.size()), count}, at::kDouble);
  auto* row = result.mutable_data_ptr<double>();
  for (const auto& pairs : views_) {
    for (const QueryView& view : pairs) {
      const KeyProgression keys = view.keys();
      const std::int64_t skipped = first <= keys.first ? 0 : (first - keys.first + keys.step - 1) / keys.step;
      const std::int64_t end = std::min(keys.end(), first + count);
      for (std::int64_t key = keys.first + skipped * keys.step; key < end; key += keys.step) {
        row[key - first] += static_cast<double>(view.weight(key));
      }
    }
    row += count;
  }
  return result;
}

}  // namespace ringattn::oracle
