#pragma once

#include "measure/price.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"

#include <cstdint>

namespace ringattn {

/// What a rank's plan predicts for a pass: forward, or forward and then backward.
///   both: bytes sent and received, messages, operations: the sums;  peak = max(forward's, result + backward's), as out
///   and lse stay while backward runs.
struct PassPrice {
  std::int64_t peak_bytes = 0;  ///< above the inputs, of which grad_out is one
  std::int64_t plan_bytes = 0;  ///< what of the peak the plan alone asks for; the rest is the library's
  std::int64_t kernel_bytes = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t received_bytes = 0;
  std::int64_t received_rows = 0;   ///< of K and V, once each time that they come
  std::int64_t received_other = 0;  ///< bytes of masks and derivatives that come beside them
  std::int64_t messages = 0;        ///< sent
  std::int64_t flops = 0;
  std::int64_t kernel_tiles = 0;
};

/// Runs one lone call of each distinct size in the rank's plan; call it on the rank's own thread, outside any meter.
PassPrice price_pass(RingAttention& attention, int rank, const PriceShape& shape, Pass pass);

/// The part that needs no lone call: peak_bytes, plan_bytes and kernel_bytes are 0.
PassPrice pass_counts(RingAttention& attention, int rank, const PriceShape& shape, Pass pass);

}  // namespace ringattn
