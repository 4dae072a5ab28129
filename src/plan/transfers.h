#pragma once

#include "plan/plan.h"

#include <map>
#include <utility>
#include <vector>

namespace ringattn {

/// Which rows each rank needs of each other, asked for several times while a plan is built and kept. Ranks are taken
/// modulo the world size.
class NeedBook {
 public:
  /// Both must outlive the book.
  NeedBook(const Pattern& pattern, const RowLayout& layout)
      : pattern_(pattern), layout_(layout), classes_(head_classes(pattern)) {}

  int wrap(int rank) const { return ((rank % layout_.world_size) + layout_.world_size) % layout_.world_size; }
  const Need& of(int rank, int source);
  /// The same where the caller has its tiles.
  const Need& known(int rank, int source, const std::vector<ShardTile>& tiles);
  const std::vector<HeadRange>& classes() const { return classes_; }

 private:
  const Pattern& pattern_;
  const RowLayout& layout_;
  std::vector<HeadRange> classes_;
  std::map<std::pair<int, int>, Need> needs_;
};

/// Adds the rows `moved` of a region that holds the rows `held`, as packed rows of it; nothing where there are none.
void add_packed(std::vector<Transfer>& transfers, int peer, const Need& moved, const Need& held,
                const std::vector<HeadRange>& classes);
/// Adds the rank's own rows `moved`.
void add_own(std::vector<Transfer>& transfers, int peer, const Need& moved, const std::vector<HeadRange>& classes);

}  // namespace ringattn
