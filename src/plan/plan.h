#pragma once

#include "plan/need.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// Where rows lie on this rank: in its own K/V, or packed in a region of what an earlier hop brought.
struct RowSource {
  static constexpr int kOwn = -1;
  int region = kOwn;       ///< index into the regions of the hop, or kOwn
  std::vector<Rows> rows;  ///< own rows, or packed rows of the region
};

/// Rows of one head class that go to, or come from, a peer in one hop. Both ends list the classes, and the rows of a
/// class, in the same ascending order; K and V of a row travel together, and its element of a mask of keys.
struct TransferPart {
  HeadRange heads;  ///< key heads
  RowSource source;
  std::int64_t positions() const;  ///< rows of one head
};
struct Transfer {
  int peer = 0;
  std::vector<TransferPart> parts;
  std::int64_t rows() const;       ///< a row is one head's position; its K and V count once
  std::int64_t positions() const;  ///< a position counts once for all heads of a class
};

/// A packed area of received K and of received V, (batch, rows, heads, dim), and of a mask of keys, (batch, rows).
struct Region {
  HeadRange heads;  ///< key heads
  std::int64_t rows = 0;
  std::vector<Rows> positions{};  ///< global positions of the packed rows, in their order
};

/// One kernel call (or a few): queries of this rank against keys that are here.
struct PlanTile : ShardTile {
  int region = RowSource::kOwn;  ///< where the keys lie: key and key_index count own rows, or packed rows of the region
};

/// One step: what hop `hop` moves, and the tiles that run on what it brought. Step 0 moves nothing and runs on the
/// rank's own keys. The exchange of a step is posted before the tiles of the step before it.
struct Step {
  int hop = 0;
  int source = 0;  ///< the rank whose keys the tiles read
  std::vector<Region> regions;
  std::vector<Transfer> receives;
  std::vector<Transfer> sends;
  std::vector<PlanTile> tiles;
};

/// What one rank does, built from (pattern, layout, rank) alone.
/// Routing: at hop h a rank needs rows of source rank - h. Those that its ring neighbour rank - 1 needed at hop h - 1
/// come from there; the others come from the source itself. So each row reaches each rank that needs it once and nobody
/// else, ranks that share a segment form a ring of their own, and nothing is held longer than one step.
struct Plan {
  Pattern pattern;
  RowLayout layout;
  int rank = 0;
  std::int64_t rows = 0;    ///< local rows
  std::vector<Step> steps;  ///< step 0 first; hops without transfers or tiles are left out

  /// The buffer (0 or 1) that step `index` receives into: neighbours in the list alternate.
  static int buffer_of(std::size_t index) { return static_cast<int>(index % 2); }
};

/// Cost: O(k) shard_tiles and bit sets of ⌈n/k⌉ rows.
Plan make_plan(const Pattern& pattern, const RowLayout& layout, int rank);

}  // namespace ringattn
