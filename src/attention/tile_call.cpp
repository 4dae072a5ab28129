#include "attention/tile_call.h"

#include <algorithm>
#include <limits>

namespace ringattn {
namespace {

/// Rows below which a kernel's own blocks would be cut.
constexpr std::int64_t kRowsMin = 512;

struct CallSize {
  std::int64_t heads, segments, rows;
};

CallSize call_size(const PlanTile& tile, std::int64_t batch, std::int64_t head_dim, std::int64_t partial_bytes_max) {
  const std::int64_t limit = partial_bytes_max > 0 ? partial_bytes_max : std::numeric_limits<std::int64_t>::max();
  const std::int64_t copies = tile.query.segments > 1 ? tile.query.segments : batch;
  const std::int64_t row_bytes = 4 * head_dim;
  const std::int64_t head_bytes = copies * tile.query.count * row_bytes;
  if (head_bytes <= limit)
    return {std::clamp<std::int64_t>(limit / std::max<std::int64_t>(1, head_bytes), 1, tile.heads.size()),
            tile.query.segments, tile.query.count};
  const std::int64_t segment_bytes = (tile.query.segments > 1 ? 1 : batch) * tile.query.count * row_bytes;
  if (segment_bytes <= limit)
    return {1, std::clamp<std::int64_t>(limit / segment_bytes, 1, tile.query.segments), tile.query.count};
  if (tile.rule != MaskRule::full) return {1, 1, tile.query.count};
  const std::int64_t rows = limit / (segment_bytes / tile.query.count);
  return {1, 1,
          std::clamp<std::int64_t>(rows / kRowsMin * kRowsMin, std::min(kRowsMin, tile.query.count), tile.query.count)};
}

Rows stretch(const Rows& rows, std::int64_t segment, std::int64_t segments, std::int64_t first_row,
             std::int64_t count) {
  Rows part = rows;
  part.first += segment * rows.segment_stride + first_row * rows.step;
  part.count = count;
  part.segments = segments;
  if (segments == 1) part.segment_stride = 0;
  return part;
}

}  // namespace

std::vector<TileCall> tile_calls(const PlanTile& tile, std::int64_t batch, std::int64_t head_dim,
                                 std::int64_t partial_bytes_max) {
  const CallSize size = call_size(tile, batch, head_dim, partial_bytes_max);
  std::vector<TileCall> calls;
  for (std::int64_t head = tile.heads.begin; head < tile.heads.end; head += size.heads) {
    const HeadRange heads{head, std::min(tile.heads.end, head + size.heads)};
    for (std::int64_t s = 0; s < tile.query.segments; s += size.segments) {
      const std::int64_t segments = std::min(size.segments, tile.query.segments - s);
      for (std::int64_t row = 0; row < tile.query.count; row += size.rows) {
        const Rows query = stretch(tile.query, s, segments, row, std::min(size.rows, tile.query.count - row));
        const Rows key = stretch(tile.key, s, segments, 0, tile.key.count);
        if (segments == 1) {
          calls.push_back({heads, query, key, 0, batch});
        } else {
          for (std::int64_t b = 0; b < batch; ++b) calls.push_back({heads, query, key, b, b + 1});
        }
      }
    }
  }
  return calls;
}

}  // namespace ringattn
