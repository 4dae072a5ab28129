#pragma once

#include "config/positions.h"
#include "pattern/rows.h"

#include <vector>

namespace ringattn {

/// The rows of a pattern progression that a rank owns, in one of its position runs: both numberings are progressions of
/// equal count.
struct Piece {
  Rows slot;      ///< local row numbers
  Rows position;  ///< global positions
  bool operator==(const Piece&) const = default;
};

/// The rows of the one-level progression `rows` (positions) among `owned`, ascending. A progression met by a run of
/// another step is the progression of their common positions: step lcm, first by the Chinese remainder theorem.
/// O(runs).
std::vector<Piece> owned_pieces(const Rows& rows, const Positions& owned);

}  // namespace ringattn
