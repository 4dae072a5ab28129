#pragma once

#include "plan/plan.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

// What mutants do to plans.

namespace ringattn::mutants {

/// The step of a hop; null where the plan has none.
inline Step* step_of(Plan& plan, int hop) {
  const auto found = std::find_if(plan.steps.begin(), plan.steps.end(), [hop](const Step& s) { return s.hop == hop; });
  return found == plan.steps.end() ? nullptr : &*found;
}

/// The tile's keys as far as there are so many rows where they lie; false where none are left.
inline bool fit(PlanTile& tile, std::int64_t rows) {
  if (!tile.key_index.empty())
    return *std::max_element(tile.key_index.data(), tile.key_index.data() + tile.keys()) < rows;
  if (tile.key.segments > 1)
    return tile.key.first + (tile.key.segments - 1) * tile.key.segment_stride + (tile.key.count - 1) * tile.key.step <
           rows;
  const std::int64_t count = tile.key.first < rows ? (rows - tile.key.first + tile.key.step - 1) / tile.key.step : 0;
  tile.key.count = std::min(tile.key.count, count);
  return tile.key.count > 0;
}

/// These tiles as if the step's rows were what they read; what does not fit is left out.
inline std::vector<PlanTile> fitted(std::vector<PlanTile> tiles, const Step& step) {
  std::erase_if(tiles, [&](PlanTile& tile) {
    const auto region = static_cast<std::size_t>(tile.region);
    return region >= step.regions.size() || !fit(tile, step.regions[region].rows);
  });
  return tiles;
}

/// The hop's tiles read the rank's own rows.
inline void read_own_rows(Plan& plan, int hop) {
  Step* step = step_of(plan, hop);
  if (step == nullptr) return;
  for (PlanTile& tile : step->tiles) tile.region = RowSource::kOwn;
  std::erase_if(step->tiles, [&](PlanTile& tile) { return !fit(tile, plan.rows); });
}

/// Each of the two hops' rows are taken for the other's.
inline void swap_hops(Plan& plan, int one, int other) {
  Step* a = step_of(plan, one);
  Step* b = step_of(plan, other);
  if (a == nullptr || b == nullptr) return;
  std::vector<PlanTile> of_a = fitted(b->tiles, *a);
  b->tiles = fitted(a->tiles, *b);
  a->tiles = std::move(of_a);
}

}  // namespace ringattn::mutants
