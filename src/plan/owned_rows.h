#pragma once

#include "config/positions.h"
#include "pattern/pattern.h"
#include "pattern/visibility.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// Rows that a rank owns, one by one: position[i] is local row slot[i]; both ascend.
struct OwnedRows {
  std::vector<std::int64_t> position;
  std::vector<std::int64_t> slot;
  std::size_t size() const { return position.size(); }
};

/// The rows within `range` of a one-level progression, or of a list, that are among `owned`.
OwnedRows owned_rows(const Rows& rows, const PositionRange& range, const Positions& owned);
OwnedRows owned_rows(const std::vector<std::int64_t>& list, const PositionRange& range, const Positions& owned);

/// The rows of a one-level progression within the range.
Rows clip(const Rows& rows, const PositionRange& range);

}  // namespace ringattn
