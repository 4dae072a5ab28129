#include "attention/tile_call.h"

#include "plan/backward_cost.h"

#include <algorithm>
#include <limits>

namespace ringattn {
namespace {

/// Rows below which a kernel's own blocks would be cut.
constexpr std::int64_t kRowsMin = 512;

struct CallSize {
  std::int64_t heads, segments, rows;
};

/// Rows below which a bias is not cut.
constexpr std::int64_t kBiasRowsMin = 16;

/// The query as the calls see it: packed rows are numbered from 0.
Rows call_rows(const Rows& rows, const RowSlice& index) {
  return index.empty() ? rows : Rows{.first = 0, .count = index.size()};
}

/// What a call's partial allows.
CallSize size_by_partial(const PlanTile& tile, const Rows& query, std::int64_t batch, std::int64_t head_dim,
                         const CallLimits& limits) {
  const std::int64_t limit =
      limits.partial_bytes_max > 0 ? limits.partial_bytes_max : std::numeric_limits<std::int64_t>::max();
  const std::int64_t segments = limits.by_segment ? 1 : query.segments;
  const std::int64_t copies = segments > 1 ? segments : batch;
  const std::int64_t row_bytes = 4 * head_dim;
  const std::int64_t head_bytes = copies * query.count * row_bytes;
  if (head_bytes <= limit)
    return {std::clamp<std::int64_t>(limit / std::max<std::int64_t>(1, head_bytes), 1, tile.heads.size()), segments,
            query.count};
  const std::int64_t segment_bytes = (segments > 1 ? 1 : batch) * query.count * row_bytes;
  if (segment_bytes <= limit) return {1, std::clamp<std::int64_t>(limit / segment_bytes, 1, segments), query.count};
  if (tile.rule == MaskRule::causal) return {1, 1, query.count};
  const std::int64_t rows = limit / (segment_bytes / query.count);
  return {1, 1, std::clamp<std::int64_t>(rows / kRowsMin * kRowsMin, std::min(kRowsMin, query.count), query.count)};
}

/// (query, key) couples of a backward call below which the call itself would be felt.
constexpr std::int64_t kBackwardCouplesMin = std::int64_t{1} << 20;

CallSize size_by_threads(const PlanTile& tile, const Rows& query, std::int64_t batch, const CallLimits& limits) {
  const std::int64_t segments = limits.by_segment ? 1 : query.segments;
  const std::int64_t copies = segments > 1 ? segments : batch;
  const std::int64_t couples = std::max<std::int64_t>(1, query.count * tile.keys());
  const std::int64_t wanted = std::max(limits.backward_threads, (kBackwardCouplesMin + couples - 1) / couples);
  if (copies >= wanted) return {1, segments > 1 ? wanted : 1, query.count};
  return {std::min((wanted + copies - 1) / copies, tile.heads.size()), segments, query.count};
}

CallSize call_size(const PlanTile& tile, const Rows& query, std::int64_t batch, std::int64_t head_dim,
                   const CallLimits& limits) {
  CallSize size = limits.backward_threads > 0 ? size_by_threads(tile, query, batch, limits)
                                              : size_by_partial(tile, query, batch, head_dim, limits);
  if (limits.bias_copies == 0 || tile.rule == MaskRule::causal) return size;
  const std::int64_t row_elements = std::max<std::int64_t>(1, limits.bias_copies * tile.keys());
  if (limits.is_bias_per_head)
    size.heads = std::clamp<std::int64_t>(kBiasElementsMax / (row_elements * size.rows), 1, size.heads);
  const std::int64_t heads = limits.is_bias_per_head ? size.heads : 1;
  size.rows =
      std::clamp<std::int64_t>(kBiasElementsMax / (row_elements * heads), std::min(kBiasRowsMin, size.rows), size.rows);
  return size;
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

CallLimits call_limits(const Plan& plan, const PlanTile& tile, std::int64_t partial_bytes_max,
                       std::int64_t mask_batch) {
  const AttentionFunction& function = plan.pattern.function;
  const bool has_scores_mask = function.mask.kind == MaskKind::scores;
  const bool has_bias_by_row = has_scores_mask || tile.rule == MaskRule::positions;
  return {.partial_bytes_max = partial_bytes_max,
          .head_group = function.heads / function.key_heads(),
          .is_one_call = is_single_tile(plan),
          .by_segment = needs_positions(function, tile.rule),
          .bias_copies = has_bias_by_row ? std::max<std::int64_t>(1, mask_batch) : 0,
          .is_bias_per_head = has_scores_mask && function.mask.is_per_head};
}

CallLimits backward_call_limits(const Plan& plan, const std::vector<Return>& returns, const PlanTile& tile,
                                std::int64_t threads, std::int64_t mask_batch) {
  CallLimits limits = call_limits(plan, tile, 0, mask_batch);
  limits.is_one_call = is_single_backward_call(plan, returns);
  limits.backward_threads = threads;
  const bool keeps = threads == kThreadsOfGpu && !returns.empty() && tile.region == RowSource::kOwn;
  if (keeps && tile.heads.size() > 1) limits.head_break = tile.heads.begin + (tile.heads.size() + 2) / 3;
  return limits;
}

bool is_kept_for_the_end(const TileCall& call, const CallLimits& limits) {
  return limits.head_break > 0 && call.heads.begin >= limits.head_break;
}

bool needs_positions(const AttentionFunction& function, MaskRule rule) {
  return rule == MaskRule::positions || function.mask.kind == MaskKind::scores || function.dropout > 0.0;
}

std::vector<TileCall> tile_calls(const PlanTile& tile, std::int64_t batch, std::int64_t head_dim,
                                 const CallLimits& limits) {
  const Rows query_rows = call_rows(tile.query, tile.query_index);
  const Rows key_rows = call_rows(tile.key, tile.key_index);
  if (limits.is_one_call) return {{tile.heads, query_rows, key_rows, 0, batch}};
  const CallSize size = call_size(tile, query_rows, batch, head_dim, limits);
  std::vector<TileCall> calls;
  for (std::int64_t head = tile.heads.begin; head < tile.heads.end;) {
    const std::int64_t group_end =
        limits.head_group > 1 ? (head / limits.head_group + 1) * limits.head_group : tile.heads.end;
    const std::int64_t stretch_end = head < limits.head_break ? limits.head_break : tile.heads.end;
    const HeadRange heads{head, std::min({tile.heads.end, group_end, stretch_end, head + size.heads})};
    head = heads.end;
    for (std::int64_t s = 0; s < query_rows.segments; s += size.segments) {
      const std::int64_t segments = std::min(size.segments, query_rows.segments - s);
      for (std::int64_t row = 0; row < query_rows.count; row += size.rows) {
        const Rows query = stretch(query_rows, s, segments, row, std::min(size.rows, query_rows.count - row));
        const Rows key = stretch(key_rows, s, segments, 0, key_rows.count);
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
