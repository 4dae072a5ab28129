#pragma once

#include "plan/cost.h"
#include "plan/plan.h"
#include "plan/returns.h"

#include <vector>

namespace ringattn {

/// A part of a plan tile that one kernel call takes: heads, query rows, and which batch indices or segments. Rows count
/// within the packed rows where the tile has an index.
struct TileCall {
  HeadRange heads;               ///< query heads, within the rank's
  Rows query;                    ///< own rows, or packed ones
  Rows key;                      ///< rows of the source, or packed ones
  std::int64_t batch_begin = 0;  ///< batch indices [begin, end); one index where the call has several segments
  std::int64_t batch_end = 0;

  std::int64_t batches() const { return query.segments > 1 ? query.segments : batch_end - batch_begin; }
};

/// What a call may be.
struct CallLimits {
  std::int64_t partial_bytes_max =
      0;                         ///< of its fp32 partial, so that it is still in the cache when it is merged; 0: any
  std::int64_t head_group = 1;   ///< query heads that share a key head: a call stays within one group
  bool is_one_call = false;      ///< the whole tile at once, whatever the other limits say
  bool by_segment = false;       ///< one segment a call, as its rows' positions matter
  std::int64_t bias_copies = 0;  ///< batch indices that the bias tells apart; 0: there is none by row
  bool is_bias_per_head = false;
  /// > 0: a backward call. Its kernel gives whole (batch, head)s to threads, so a call has at least so many of them,
  /// and enough work to be worth one; rows are cut for the bias alone, as every call has derivatives of all its keys.
  std::int64_t backward_threads = 0;
  /// Heads that no call crosses: calls from it on are kept for the end (is_kept_for_the_end). 0: no such head.
  std::int64_t head_break = 0;
};
CallLimits call_limits(const Plan& plan, const PlanTile& tile, std::int64_t partial_bytes_max, std::int64_t mask_batch);
CallLimits backward_call_limits(const Plan& plan, const std::vector<Return>& returns, const PlanTile& tile,
                                std::int64_t threads, std::int64_t mask_batch);
/// `threads` where a call had best be as large as it can: on a GPU.
inline constexpr std::int64_t kThreadsOfGpu = std::int64_t{1} << 40;
/// On a GPU most heads of what a rank's queries do to its own keys run last, while the derivatives of others' keys are
/// on their way home; a third of them runs first, while the first keys come.
bool is_kept_for_the_end(const TileCall& call, const CallLimits& limits);

/// Whether the kernel must know where the rows of a tile lie.
bool needs_positions(const AttentionFunction& function, MaskRule rule);

/// Cuts a tile into calls within the limits: by heads, then by segments, then by rows where the rule allows it (a
/// triangle stays whole). The bias by row of a call has at most kBiasElementsMax elements, or those of 16 rows.
inline constexpr std::int64_t kBiasElementsMax = std::int64_t{1} << 20;
std::vector<TileCall> tile_calls(const PlanTile& tile, std::int64_t batch, std::int64_t head_dim,
                                 const CallLimits& limits);

}  // namespace ringattn
