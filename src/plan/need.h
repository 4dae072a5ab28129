#pragma once

#include "plan/shard_tiles.h"

#include <vector>

namespace ringattn {

/// The key heads that a range of query heads reads.
HeadRange key_heads_of(const HeadRange& query_heads, const AttentionFunction& function);

/// The finest ranges of key heads that no tile of the pattern splits: all heads of one need the same rows. A key head
/// that several query heads share needs the union of their rows.
std::vector<HeadRange> head_classes(const Pattern& pattern);

/// Which rows of a source rank another rank needs: for each head class, one bit a local row of the source.
class Need {
 public:
  Need(std::size_t classes, std::int64_t rows)
      : bits_(classes, std::vector<bool>(static_cast<std::size_t>(rows), false)) {}

  void mark(std::size_t head_class, const Rows& rows);
  void mark(std::size_t head_class, const RowSlice& rows);
  bool has(std::size_t head_class, std::int64_t row) const { return bits_[head_class][static_cast<std::size_t>(row)]; }
  /// The needed rows of one class, ascending.
  std::vector<std::int64_t> rows(std::size_t head_class) const;
  std::size_t classes() const { return bits_.size(); }
  bool empty() const;

  Need operator&(const Need& other) const;
  Need minus(const Need& other) const;

 private:
  std::vector<std::vector<bool>> bits_;
};

/// The keys of these tiles, of a source rank with so many local rows.
Need need_of(const std::vector<ShardTile>& tiles, const Pattern& pattern, const std::vector<HeadRange>& classes,
             std::int64_t source_rows);

/// What `rank` needs of `source`: exactly the keys of its tiles. A rank needs nothing from itself (its rows are there).
Need need_of(const Pattern& pattern, const RowLayout& layout, const std::vector<HeadRange>& classes, int rank,
             int source);

}  // namespace ringattn
