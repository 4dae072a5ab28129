#pragma once

#include "plan/plan.h"

#include <vector>

namespace ringattn {

/// A part of a plan tile that one kernel call takes: heads, query rows, and which batch indices or segments.
struct TileCall {
  HeadRange heads;               ///< within the rank's heads
  Rows query;                    ///< own rows
  Rows key;                      ///< unused where the tile has a key index
  std::int64_t batch_begin = 0;  ///< batch indices [begin, end); one index where the call has several segments
  std::int64_t batch_end = 0;

  std::int64_t batches() const { return query.segments > 1 ? query.segments : batch_end - batch_begin; }
};

/// Cuts a tile into calls whose fp32 partial stays below `partial_bytes_max`, so that it is still in the cache when it
/// is merged: first by heads, then by segments, then by rows where the rule allows it (a rectangle). 0: no limit; one
/// call for each batch index where the tile has several segments.
std::vector<TileCall> tile_calls(const PlanTile& tile, std::int64_t batch, std::int64_t head_dim,
                                 std::int64_t partial_bytes_max);

}  // namespace ringattn
