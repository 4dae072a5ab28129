#include "report/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>

namespace ringattn {

std::string_view to_string(Mark mark) {
  switch (mark) {
    case Mark::measured:
      return "measured";
    case Mark::rehearsed:
      return "rehearsed";
    case Mark::priced:
      return "priced";
  }
  return "measured";
}

std::string_view to_string(CheckStatus status) {
  switch (status) {
    case CheckStatus::pass:
      return "pass";
    case CheckStatus::fail:
      return "fail";
    case CheckStatus::improved:
      return "improved";
    case CheckStatus::unsure:
      return "unsure";
    case CheckStatus::fresh:
      return "new";
    case CheckStatus::stale:
      return "stale";
  }
  return "pass";
}

std::int64_t sum_of(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

std::int64_t peak_bytes_max(const ImplementationRecord& record) {
  std::int64_t most = 0;
  for (const RankRecord& rank : record.ranks) most = std::max(most, rank.peak_bytes);
  return most;
}

std::int64_t sent_bytes_max(const ImplementationRecord& record) {
  std::int64_t most = 0;
  for (const RankRecord& rank : record.ranks) most = std::max(most, rank.sent_bytes);
  return most;
}

std::int64_t sent_bytes_total(const ImplementationRecord& record) {
  std::int64_t sum = 0;
  for (const RankRecord& rank : record.ranks) sum = sum_of(sum, rank.sent_bytes);
  return sum;
}

std::int64_t rows_travelled(const ImplementationRecord& record) {
  std::int64_t sum = 0;
  for (const RankRecord& rank : record.ranks) sum = sum_of(sum, rank.rows_received);
  return sum;
}

SummaryRecord summarize(const Report& report) {
  SummaryRecord summary;
  summary.cases = static_cast<std::int64_t>(report.cases.size());
  summary.skipped = static_cast<std::int64_t>(report.skipped.size());
  for (const CaseRecord& record : report.cases) {
    if (!record.accepted.empty()) ++summary.accepted;
    if (record.outcome) ++summary.outcomes[std::string(to_string(*record.outcome))];
  }
  return summary;
}

std::string rfc3339_utc(std::int64_t seconds_since_epoch) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds_since_epoch)));
}

}  // namespace ringattn
