#pragma once

#include "plan/plan.h"

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

}  // namespace ringattn
