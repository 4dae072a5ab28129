#include "compare/records.h"

#include "comm/rank_places.h"
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

ReceivedBytes received_bytes(RingAttention& attention, const InputSource& inputs, const Case& axes, Pass pass) {
  ReceivedBytes received{row_bytes(axes), {}};
  if (attention.function().mask.kind != MaskKind::keys && pass == Pass::forward) return received;
  const PriceShape shape = price_shape(inputs, scalar_type(axes.dtype));
  for (int rank = 0; rank < static_cast<int>(axes.ranks); ++rank)
    received.other_by_rank.push_back(pass_counts(attention, rank, shape, pass).received_other);
  return received;
}

ReceivedBytes gathered_bytes(const Attention& attention, const InputSource& inputs, const Case& axes) {
  ReceivedBytes received{row_bytes(axes), {}};
  if (attention.function().mask.kind != MaskKind::keys) return received;
  const PriceShape shape = price_shape(inputs, scalar_type(axes.dtype));
  const auto ranks = static_cast<int>(axes.ranks);
  for (int rank = 0; rank < ranks; ++rank)
    received.other_by_rank.push_back((axes.seq_len - count(attention.key_positions(rank, ranks))) * shape.mask_batch *
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
    const std::int64_t other_bytes = received.other_by_rank.empty() ? 0 : received.other_by_rank[rank];
    record.ranks.push_back({.rank = static_cast<std::int64_t>(rank),
                            .peak_bytes = cost.peak_bytes,
                            .live_bytes = cost.live_bytes,
                            .sent_bytes = cost.sent_bytes,
                            .received_bytes = cost.received_bytes,
                            .messages = cost.messages,
                            .rows_received = (cost.received_bytes - other_bytes) / received.row});
  }
  return record;
}

void add_price(PriceRecord& total, const PassPrice& rank) {
  total.peak_bytes_max = std::max(total.peak_bytes_max, rank.peak_bytes);
  total.kernel_bytes_max = std::max(total.kernel_bytes_max, rank.kernel_bytes);
  total.sent_bytes_total += rank.sent_bytes;
  total.messages_total += rank.messages;
  total.rows_travelled += rank.received_rows;
  total.flops_total += rank.flops;
}

std::vector<PassPrice> price_ranks(RingAttention& attention, RankWorld& world, const PriceShape& shape, Pass pass) {
  std::vector<PassPrice> ranks(static_cast<std::size_t>(world.size()));
  world.world().run([&](Communicator& communicator) {
    ranks[static_cast<std::size_t>(communicator.rank())] = price_pass(attention, communicator.rank(), shape, pass);
  });
  gather_places(world.world(), ranks);
  return ranks;
}

PriceRecord price_record(std::span<const PassPrice> ranks) {
  PriceRecord total;
  for (const PassPrice& rank : ranks) add_price(total, rank);
  return total;
}

PriceRecord price_record(RingAttention& attention, RankWorld& world, const PriceShape& shape, Pass pass) {
  return price_record(price_ranks(attention, world, shape, pass));
}

IntervalRecord interval_record(std::span<const std::int64_t> time_ns) {
  return interval_of(estimate_median(as_doubles(time_ns)));
}

IntervalRecord ratio_record(std::span<const std::int64_t> numerator_ns, std::span<const std::int64_t> denominator_ns) {
  return interval_of(estimate_median(pair_ratios(numerator_ns, denominator_ns)));
}

}  // namespace ringattn
