#include "plan/need.h"

#include <algorithm>
#include <set>

namespace ringattn {

HeadRange key_heads_of(const HeadRange& query_heads, const AttentionFunction& function) {
  const std::int64_t group = function.heads / function.key_heads();
  return {query_heads.begin / group, (query_heads.end + group - 1) / group};
}

std::vector<HeadRange> head_classes(const Pattern& pattern) {
  std::set<std::int64_t> borders;
  std::vector<HeadRange> used;
  for (const PatternTile& tile : pattern.tiles) {
    used.push_back(key_heads_of(tile.heads, pattern.function));
    borders.insert({used.back().begin, used.back().end});
  }
  std::vector<HeadRange> classes;
  for (auto border = borders.begin(); border != borders.end() && std::next(border) != borders.end(); ++border) {
    const HeadRange range{*border, *std::next(border)};
    if (std::any_of(used.begin(), used.end(), [&](const HeadRange& heads) { return heads.contains(range); }))
      classes.push_back(range);
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

void Need::mark(std::size_t head_class, const RowSlice& rows) {
  for (std::int64_t i = 0; i < rows.size(); ++i) bits_[head_class][static_cast<std::size_t>(rows.data()[i])] = true;
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

Need need_of(const std::vector<ShardTile>& tiles, const Pattern& pattern, const std::vector<HeadRange>& classes,
             std::int64_t source_rows) {
  Need need(classes.size(), source_rows);
  for (const ShardTile& tile : tiles) {
    const HeadRange heads = key_heads_of(tile.heads, pattern.function);
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (!heads.contains(classes[c])) continue;
      if (tile.key_index.empty())
        need.mark(c, tile.key);
      else
        need.mark(c, tile.key_index);
    }
  }
  return need;
}

Need need_of(const Pattern& pattern, const RowLayout& layout, const std::vector<HeadRange>& classes, int rank,
             int source) {
  if (rank == source) return {classes.size(), layout.local_rows(source)};
  return need_of(shard_tiles(pattern, layout, rank, source), pattern, classes, layout.local_rows(source));
}

}  // namespace ringattn
