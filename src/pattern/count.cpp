#include "pattern/pattern.h"
#include "pattern/visibility.h"

#include <algorithm>

namespace ringattn {
namespace {

/// The keys of one segment of a tile, as a function of an interval.
class TileKeys {
 public:
  TileKeys(const PatternTile& tile, std::int64_t segment) : list_(tile.key_list), rows_(tile.key.segment(segment)) {}

  /// How many lie in the range. O(1) for a progression, O(log keys) for a list.
  std::int64_t within(const PositionRange& range) const {
    if (range.size() == 0) return 0;
    if (list_ != nullptr)
      return std::lower_bound(list_->begin(), list_->end(), range.end) -
             std::lower_bound(list_->begin(), list_->end(), range.begin);
    return count_before(rows_, range.end) - count_before(rows_, range.begin);
  }

 private:
  const RowList& list_;
  Rows rows_;
};

/// Calls `visit(tile, query position, number of its keys)` for every query row of every tile.
template <typename Visit>
void for_each_row(const Pattern& pattern, Visit visit) {
  const Visibility visibility(pattern.function);
  for (const PatternTile& tile : pattern.tiles) {
    const std::int64_t segments = tile.query_list != nullptr ? 1 : tile.query.segments;
    for (std::int64_t s = 0; s < segments; ++s) {
      const TileKeys keys(tile, s);
      const auto visit_row = [&](std::int64_t row) { visit(tile, row, keys.within(visibility.keys_of(row))); };
      if (tile.query_list != nullptr) {
        for (const std::int64_t row : *tile.query_list) visit_row(row);
      } else {
        const Rows query = tile.query.segment(s);
        for (std::int64_t i = 0; i < query.count; ++i) visit_row(query.first + i * query.step);
      }
    }
  }
}

}  // namespace

double covered_share(const Pattern& pattern) {
  const AttentionFunction& f = pattern.function;
  std::vector<std::vector<bool>> seen(static_cast<std::size_t>(f.heads),
                                      std::vector<bool>(static_cast<std::size_t>(f.seq_len), false));
  for_each_row(pattern, [&](const PatternTile& tile, std::int64_t row, std::int64_t keys) {
    if (keys == 0) return;
    for (std::int64_t h = tile.heads.begin; h < tile.heads.end; ++h)
      seen[static_cast<std::size_t>(h)][static_cast<std::size_t>(row)] = true;
  });
  std::int64_t covered = 0;
  for (const std::vector<bool>& head : seen) covered += std::count(head.begin(), head.end(), true);
  return static_cast<double>(covered) / static_cast<double>(f.heads * f.seq_len);
}

std::int64_t attended_pairs(const Pattern& pattern) {
  std::int64_t total = 0;
  for_each_row(pattern,
               [&](const PatternTile& tile, std::int64_t, std::int64_t keys) { total += keys * tile.heads.size(); });
  return total;
}

}  // namespace ringattn
