#include "compare/records.h"

#include "measure/price.h"
#include "measure/statistics.h"

#include <algorithm>
#include <vector>

namespace ringattn {
namespace {

IntervalRecord interval_of(const MedianEstimate& estimate) {
  return {estimate.median, estimate.low.value_or(estimate.median), estimate.high.value_or(estimate.median)};
}

}  // namespace

std::int64_t row_bytes(const Case& axes) { return 2 * axes.batch * axes.head_dim * element_bytes(axes.dtype); }

ReceivedBytes received_bytes(RingAttention& attention, const InputSource& inputs, const Case& axes) {
  ReceivedBytes received{row_bytes(axes), {}};
  if (attention.function().mask.kind != MaskKind::keys) return received;
  const CostShape shape = cost_shape(price_shape(inputs, scalar_type(axes.dtype)), attention.function());
  for (int rank = 0; rank < static_cast<int>(axes.ranks); ++rank)
    received.mask_by_rank.push_back(cost_of(attention.plan(rank), shape).received_mask_bytes);
  return received;
}

ReceivedBytes gathered_bytes(const Attention& attention, const InputSource& inputs, const Case& axes) {
  ReceivedBytes received{row_bytes(axes), {}};
  if (attention.function().mask.kind != MaskKind::keys) return received;
  const PriceShape shape = price_shape(inputs, scalar_type(axes.dtype));
  const auto ranks = static_cast<int>(axes.ranks);
  for (int rank = 0; rank < ranks; ++rank)
    received.mask_by_rank.push_back((axes.seq_len - count(attention.key_positions(rank, ranks))) * shape.mask_batch *
                                    shape.mask_bytes);
  return received;
}

ImplementationRecord implementation_record(const std::string& id, const std::string& function_name,
                                           const Measurement& measurement, const ReceivedBytes& received) {
  ImplementationRecord record;
  record.id = id;
  record.function = function_name;
  for (std::size_t rank = 0; rank < measurement.ranks.size(); ++rank) {
    const RankCost& cost = measurement.ranks[rank];
    const std::int64_t mask_bytes = received.mask_by_rank.empty() ? 0 : received.mask_by_rank[rank];
    record.ranks.push_back({.rank = static_cast<std::int64_t>(rank),
                            .peak_bytes = cost.peak_bytes,
                            .live_bytes = cost.live_bytes,
                            .sent_bytes = cost.sent_bytes,
                            .received_bytes = cost.received_bytes,
                            .messages = cost.messages,
                            .rows_received = (cost.received_bytes - mask_bytes) / received.row});
  }
  return record;
}

PriceRecord price_record(RingAttention& attention, RankWorld& world, const PriceShape& shape) {
  std::vector<PriceRecord> ranks(static_cast<std::size_t>(world.size()));
  const CostShape bytes = cost_shape(shape, attention.function());
  world.world().run([&](Communicator& communicator) {
    const Cost cost = cost_of(attention.plan(communicator.rank()), bytes);
    const PeakPrice peak = price_peak(attention, communicator.rank(), shape);
    ranks[static_cast<std::size_t>(communicator.rank())] = {.peak_bytes_max = peak.peak_bytes(),
                                                            .kernel_bytes_max = peak.kernel_bytes,
                                                            .sent_bytes_total = cost.sent_bytes,
                                                            .messages_total = cost.messages,
                                                            .rows_travelled = cost.received_rows,
                                                            .flops_total = cost.flops};
  });
  PriceRecord total;
  for (const PriceRecord& rank : ranks) {
    total.peak_bytes_max = std::max(total.peak_bytes_max, rank.peak_bytes_max);
    total.kernel_bytes_max = std::max(total.kernel_bytes_max, rank.kernel_bytes_max);
    total.sent_bytes_total += rank.sent_bytes_total;
    total.messages_total += rank.messages_total;
    total.rows_travelled += rank.rows_travelled;
    total.flops_total += rank.flops_total;
  }
  return total;
}

IntervalRecord interval_record(std::span<const std::int64_t> time_ns) {
  return interval_of(estimate_median(as_doubles(time_ns)));
}

IntervalRecord ratio_record(std::span<const std::int64_t> numerator_ns, std::span<const std::int64_t> denominator_ns) {
  return interval_of(estimate_median(pair_ratios(numerator_ns, denominator_ns)));
}

}  // namespace ringattn
