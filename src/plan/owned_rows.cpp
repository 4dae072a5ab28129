#include "plan/owned_rows.h"

#include "plan/piece.h"

#include <algorithm>

namespace ringattn {
namespace {

/// Row number of the position within the run, or -1.
std::int64_t place_in(const PositionRun& run, std::int64_t position) {
  const std::int64_t offset = position - run.first;
  return offset >= 0 && offset % run.step == 0 && offset / run.step < run.count ? offset / run.step : -1;
}

}  // namespace

Rows clip(const Rows& rows, const PositionRange& range) { return clip(rows, range.begin, range.end); }

OwnedRows owned_rows(const Rows& rows, const PositionRange& range, const Positions& owned) {
  OwnedRows found;
  for (const Piece& piece : owned_pieces(clip(rows, range), owned)) {
    for (std::int64_t i = 0; i < piece.slot.count; ++i) {
      found.position.push_back(piece.position.first + i * piece.position.step);
      found.slot.push_back(piece.slot.first + i * piece.slot.step);
    }
  }
  return found;
}

OwnedRows owned_rows(const std::vector<std::int64_t>& list, const PositionRange& range, const Positions& owned) {
  OwnedRows found;
  std::int64_t slot_base = 0;
  for (const PositionRun& run : owned) {
    const PositionRange span{std::max(range.begin, run.first),
                             std::min(range.end, run.first + (run.count - 1) * run.step + 1)};
    for (auto p = std::lower_bound(list.begin(), list.end(), span.begin); p != list.end() && *p < span.end; ++p) {
      const std::int64_t place = place_in(run, *p);
      if (place < 0) continue;
      found.position.push_back(*p);
      found.slot.push_back(slot_base + place);
    }
    slot_base += run.count;
  }
  return found;
}

}  // namespace ringattn
