#pragma once

#include "measure/price.h"
#include "ring/ring_attention.h"

#include <cstdint>

namespace ringattn {

/// The price of the peak bytes of a rank's backward pass above its inputs, the forward's result and the derivative
/// after it:
///   max(recomputation, state + max(buffers + largest tile, result in another dtype))
///   buffers: received K and V, sums of derivatives of received rows, derivatives that arrive
///   a tile: what it packs, and the largest kernel call with its bias, its rows of grad_out one after another and,
///   where the plan scales, its unscaled out.
/// Everything but the kernel calls comes from the plan alone.
struct BackwardPeakPrice {
  std::int64_t state_bytes = 0;
  std::int64_t buffer_bytes = 0;
  std::int64_t kernel_bytes = 0;
  std::int64_t result_bytes = 0;
  std::int64_t recompute_bytes = 0;  ///< the peak of the forward pass that comes first, 0 where there is none
  std::int64_t peak_bytes() const;
};

/// Runs one lone call of each distinct size in the rank's plan; call it on the rank's own thread, outside any meter.
BackwardPeakPrice price_backward_peak(RingAttention& attention, int rank, const PriceShape& shape);

}  // namespace ringattn
