#include "report/quantity.h"

#include <algorithm>

namespace ringattn {
namespace {

bool is_priced(const ImplementationRecord& r) { return r.mark == Mark::priced && r.ranks.empty() && r.price; }

std::optional<double> counted(const ImplementationRecord& r, std::int64_t (*amount)(const ImplementationRecord&),
                              std::int64_t PriceRecord::*priced) {
  if (is_priced(r)) return static_cast<double>((*r.price).*priced);
  if (r.ranks.empty()) return std::nullopt;
  return static_cast<double>(amount(r));
}

}  // namespace

std::optional<double> median_of(std::vector<std::int64_t> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const auto upper = static_cast<double>(values[middle]);
  return values.size() % 2 == 1 ? upper : (static_cast<double>(values[middle - 1]) + upper) / 2.0;
}

std::optional<double> peak_bytes_of(const ImplementationRecord& r) {
  return counted(r, peak_bytes_max, &PriceRecord::peak_bytes_max);
}

std::optional<double> live_bytes_of(const ImplementationRecord& r) {
  if (r.ranks.empty()) return std::nullopt;
  std::int64_t most = 0;
  for (const RankRecord& rank : r.ranks) most = std::max(most, rank.live_bytes);
  return static_cast<double>(most);
}

std::optional<double> sent_bytes_of(const ImplementationRecord& r) {
  return counted(r, sent_bytes_total, &PriceRecord::sent_bytes_total);
}

std::optional<double> messages_of(const ImplementationRecord& r) {
  const auto sum = [](const ImplementationRecord& record) {
    std::int64_t messages = 0;
    for (const RankRecord& rank : record.ranks) messages = sum_of(messages, rank.messages);
    return messages;
  };
  return counted(r, sum, &PriceRecord::messages_total);
}

std::optional<double> rows_travelled_of(const ImplementationRecord& r) {
  return counted(r, rows_travelled, &PriceRecord::rows_travelled);
}

std::optional<double> time_ns_of(const ImplementationRecord& r) {
  if (r.time_ns_median) return r.time_ns_median->median;
  return r.mark == Mark::priced ? r.time_ns_priced : std::nullopt;
}

std::optional<double> exposed_ns_of(const ImplementationRecord& r) { return median_of(r.exposed_ns); }

std::optional<double> retention_of(const CaseRecord& record, const ImplementationRecord& r) {
  if (!r.time_over_one_rank || !(r.time_over_one_rank->median > 0.0)) return std::nullopt;
  const double machines = r.mark == Mark::measured ? 1.0 : static_cast<double>(record.axes.ranks);
  return 1.0 / (machines * r.time_over_one_rank->median);
}

std::optional<double> tokens_per_s_of(const CaseRecord& record, const ImplementationRecord& r) {
  const std::optional<double> time = time_ns_of(r);
  if (!time || !(*time > 0.0)) return std::nullopt;
  return static_cast<double>(record.axes.batch) * static_cast<double>(record.axes.seq_len) / *time * 1e9;
}

std::optional<double> flops_per_s_of(const ImplementationRecord& r) {
  const std::optional<double> time = time_ns_of(r);
  if (!time || !(*time > 0.0) || !r.price) return std::nullopt;
  return static_cast<double>(r.price->flops_total) / *time * 1e9;
}

std::optional<RateRecord> rates_of(const CaseRecord& record, const ImplementationRecord& r) {
  const std::optional<double> tokens = tokens_per_s_of(record, r);
  if (!tokens) return std::nullopt;
  return RateRecord{*tokens, flops_per_s_of(r), retention_of(record, r), exposed_ns_of(r)};
}

std::optional<double> wire_ns_of(const ImplementationRecord& r) {
  if (!r.rehearsal || !(r.rehearsal->link_gb_s > 0.0)) return std::nullopt;
  double longest = 0.0;
  for (const RankRecord& rank : r.ranks) {
    const double bytes_ns = static_cast<double>(rank.received_bytes) / r.rehearsal->link_gb_s;
    longest = std::max(longest, bytes_ns + static_cast<double>(rank.messages) * r.rehearsal->link_us * 1e3);
  }
  return longest;
}

}  // namespace ringattn
