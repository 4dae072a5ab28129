#include "plan/need.h"

#include <algorithm>
#include <set>

namespace ringattn {

std::vector<HeadRange> head_classes(const Pattern& pattern) {
  std::set<std::int64_t> borders;
  for (const PatternTile& tile : pattern.tiles) borders.insert({tile.heads.begin, tile.heads.end});
  std::vector<HeadRange> classes;
  for (auto border = borders.begin(); border != borders.end() && std::next(border) != borders.end(); ++border) {
    const HeadRange range{*border, *std::next(border)};
    const bool used = std::any_of(pattern.tiles.begin(), pattern.tiles.end(), [&](const PatternTile& tile) {
      return tile.heads.begin <= range.begin && range.end <= tile.heads.end;
    });
    if (used) classes.push_back(range);
  }
  return classes;
}

void Need::mark(std::size_t head_class, const Rows& rows) {
  std::vector<bool>& bits = bits_[head_class];
  for (std::int64_t s = 0; s < rows.segments; ++s) {
    std::int64_t row = rows.first + s * rows.segment_stride;
    for (std::int64_t i = 0; i < rows.count; ++i, row += rows.step) bits[static_cast<std::size_t>(row)] = true;
  }
}

std::vector<std::int64_t> Need::rows(std::size_t head_class) const {
  std::vector<std::int64_t> found;
  const std::vector<bool>& bits = bits_[head_class];
  for (std::size_t row = 0; row < bits.size(); ++row) {
    if (bits[row]) found.push_back(static_cast<std::int64_t>(row));
  }
  return found;
}

bool Need::empty() const {
  return std::all_of(bits_.begin(), bits_.end(), [](const std::vector<bool>& bits) {
    return std::find(bits.begin(), bits.end(), true) == bits.end();
  });
}

Need Need::operator&(const Need& other) const {
  Need result = *this;
  for (std::size_t c = 0; c < bits_.size(); ++c) {
    for (std::size_t row = 0; row < bits_[c].size(); ++row) result.bits_[c][row] = bits_[c][row] && other.bits_[c][row];
  }
  return result;
}

Need Need::minus(const Need& other) const {
  Need result = *this;
  for (std::size_t c = 0; c < bits_.size(); ++c) {
    for (std::size_t row = 0; row < bits_[c].size(); ++row)
      result.bits_[c][row] = bits_[c][row] && !other.bits_[c][row];
  }
  return result;
}

Need need_of(const Pattern& pattern, const RowLayout& layout, const std::vector<HeadRange>& classes, int rank,
             int source) {
  Need need(classes.size(), layout.local_rows(source));
  if (rank == source) return need;
  for (const ShardTile& tile : shard_tiles(pattern, layout, rank, source)) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (tile.heads.begin <= classes[c].begin && classes[c].end <= tile.heads.end) need.mark(c, tile.key);
    }
  }
  return need;
}

}  // namespace ringattn
