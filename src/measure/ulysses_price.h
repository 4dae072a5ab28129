#pragma once

#include "measure/price.h"
#include "ring/ulysses_ring.h"

#include <cstdint>

namespace ringattn {

/// What one rank of two dimensions sends and needs, the exchange of heads and its ring together, above its inputs (and
/// out, lse and grad_out for backward). Exact where inputs have their last dimension contiguous.
///   forward:  max(own heads' q, k, v, mask + the ring's peak,  own heads' out, lse + own rows' out, lse)
///   backward: max(own heads' q, k, v, out, lse, grad_out, mask + the ring's peak,  dq, dk, dv of own heads + of own
///   rows)
/// and, where key heads are read by several ranks, what each of them gives, before it is summed.
struct UlyssesPrice {
  std::int64_t sent_bytes = 0;
  std::int64_t messages = 0;
  std::int64_t peak_bytes = 0;
};

/// On the rank's own thread, as price_peak.
UlyssesPrice price_ulysses(UlyssesRing& attention, int rank, const PriceShape& shape);
UlyssesPrice price_ulysses_backward(UlyssesRing& attention, int rank, const PriceShape& shape);

}  // namespace ringattn
