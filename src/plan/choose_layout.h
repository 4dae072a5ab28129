#pragma once

#include "config/ring_attention_config.h"
#include "plan/plan.h"

#include <string>

namespace ringattn {

/// The layout whose slowest rank is cheapest, at `flops_per_byte` operations in the time of one byte on the wire (H100,
/// bf16: about 600 TFLOP/s over 250 GB/s = 2400). The price of a rank is the larger of its arithmetic and its traffic,
/// as they run at the same time; ties go to contiguous, then zigzag. Only causal work can be unbalanced, so anything
/// else stays contiguous. Above 64 ranks (8 where a curve scatters rows), as many evenly spaced ones are priced.
struct LayoutPrice {
  std::int64_t attended_pairs_max = 0;
  std::int64_t received_rows_max = 0;
};
LayoutPrice price_layout(const Pattern& pattern, const RowLayout& layout);
LayoutKind choose_layout(const Pattern& pattern, int world_size, double flops_per_byte = 2400.0);

/// The layout that the configuration names or leaves to choose; a layout along the curve is among the choices where
/// blocks are left out and the configuration follows a curve (use_hilbert, or order hilbert). UsageError where it cuts
/// blocks (check_whole_blocks).
RowLayout layout_for(const RingAttentionConfig& config, const Pattern& pattern, int world_size);

/// What following a Hilbert curve gains or doesn't gain here, in words; empty where the configuration follows none.
/// Without block sparsity it gains nothing; with it the rows that travel to the busiest rank say it.
std::string curve_remark(const RingAttentionConfig& config, const Pattern& pattern, const RowLayout& layout);

}  // namespace ringattn
