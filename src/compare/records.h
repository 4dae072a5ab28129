#pragma once

#include "attention/inputs.h"
#include "config/axes.h"
#include "measure/pass_price.h"
#include "measure/price.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "measure/scalar_type.h"
#include "report/report.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ringattn {

// What was measured, and what the plan predicts, as the plain data of a report.

/// Bytes of one head's position on the wire, its K and its V:  2 · batch · head_dim · bytes of an element.
std::int64_t row_bytes(const Case& axes);

/// What received bytes are made of, so that they can be told as rows.
struct ReceivedBytes {
  std::int64_t row = 0;                       ///< row_bytes
  std::vector<std::int64_t> other_by_rank{};  ///< masks and derivatives that came along, by rank; empty: none
};
/// Of the ring: what it receives beside K and V is the plan's.
ReceivedBytes received_bytes(RingAttention& attention, const InputSource& inputs, const Case& axes,
                             Pass pass = Pass::forward);
/// Of an old implementation, which gathers the masks of all keys. Derivatives that it exchanges count as rows.
ReceivedBytes gathered_bytes(const Attention& attention, const InputSource& inputs, const Case& axes);

/// The counts of each rank in one metered pass, without times, price, backend and layout.
ImplementationRecord implementation_record(const std::string& id, const std::string& function_name,
                                           const Measurement& measurement, const ReceivedBytes& received);

/// What each rank's plan predicts for the same pass. Collective on `world`: each rank prices its own plan on its own
/// thread, at the cost of one lone kernel call of each size in it.
std::vector<PassPrice> price_ranks(RingAttention& attention, RankWorld& world, const PriceShape& shape,
                                   Pass pass = Pass::forward);
/// Of all ranks: the largest peak, and the sums of the rest.
PriceRecord price_record(std::span<const PassPrice> ranks);
PriceRecord price_record(RingAttention& attention, RankWorld& world, const PriceShape& shape,
                         Pass pass = Pass::forward);
/// The same of one more rank, added to `total`.
void add_price(PriceRecord& total, const PassPrice& rank);

/// The median of these times with its interval; the bounds are the median where there are too few for one. UsageError
/// for none.
IntervalRecord interval_record(std::span<const std::int64_t> time_ns);

/// The same of numerator / denominator, pair by pair. UsageError where the lists differ in length or are empty.
IntervalRecord ratio_record(std::span<const std::int64_t> numerator_ns, std::span<const std::int64_t> denominator_ns);

}  // namespace ringattn
