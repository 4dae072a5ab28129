#include "report/check.h"

#include "report/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace ringattn {
namespace {

/// Collects problems below a pointer.
class Checker {
 public:
  explicit Checker(std::vector<ReportProblem>& problems, std::string pointer = "")
      : problems_(problems), pointer_(std::move(pointer)) {}

  Checker at(const std::string& key) const { return Checker(problems_, pointer_ + "/" + key); }
  Checker at(const std::string& key, std::size_t index) const { return at(fmt::format("{}/{}", key, index)); }
  void require(bool holds, const std::string& words) const {
    if (!holds) problems_.push_back({pointer_, words});
  }

 private:
  std::vector<ReportProblem>& problems_;
  std::string pointer_;
};

void check_interval(const Checker& at, const IntervalRecord& interval) {
  at.require(
      interval.low <= interval.median && interval.median <= interval.high,
      fmt::format("must have low <= median <= high (has {}, {}, {})", interval.low, interval.median, interval.high));
}

void check_times(const Checker& at, const ImplementationRecord& r) {
  at.at("time_ns").require(std::all_of(r.time_ns.begin(), r.time_ns.end(), [](std::int64_t t) { return t > 0; }),
                           "holds a time that is not positive");
  const bool per_sample = r.exposed_ns.empty() || r.exposed_ns.size() == r.time_ns.size();
  at.at("exposed_ns")
      .require(per_sample, fmt::format("has {} samples, time_ns has {}", r.exposed_ns.size(), r.time_ns.size()));
  for (std::size_t i = 0; per_sample && i < r.exposed_ns.size(); ++i)
    at.at("exposed_ns", i)
        .require(r.exposed_ns[i] >= 0 && r.exposed_ns[i] <= r.time_ns[i],
                 fmt::format("is {}, its sample took {}", r.exposed_ns[i], r.time_ns[i]));
  if (!r.time_ns_median) return;
  check_interval(at.at("time_ns_median"), *r.time_ns_median);
  const std::optional<double> median = median_of(r.time_ns);
  at.at("time_ns_median/median")
      .require(median && *median == r.time_ns_median->median,
               fmt::format("is {}, the samples give {}", r.time_ns_median->median,
                           median ? fmt::format("{}", *median) : "none"));
}

void check_rank(const Checker& at, const RankRecord& rank, std::int64_t ranks) {
  at.at("rank").require(rank.rank >= 0 && rank.rank < ranks, fmt::format("is {} of {} ranks", rank.rank, ranks));
  at.at("live_bytes")
      .require(rank.live_bytes >= rank.peak_bytes,
               fmt::format("is {}, less than the peak above the inputs, {}", rank.live_bytes, rank.peak_bytes));
  const bool none_negative = rank.peak_bytes >= 0 && rank.sent_bytes >= 0 && rank.received_bytes >= 0 &&
                             rank.messages >= 0 && rank.rows_received >= 0;
  at.require(none_negative, "holds a negative count");
  at.at("messages")
      .require(rank.messages > 0 || rank.sent_bytes == 0, fmt::format("is 0, but {} bytes were sent", rank.sent_bytes));
}

void check_ranks(const Checker& at, const ImplementationRecord& r, std::int64_t ranks) {
  std::set<std::int64_t> seen;
  std::int64_t received = 0;
  for (std::size_t i = 0; i < r.ranks.size(); ++i) {
    check_rank(at.at("ranks", i), r.ranks[i], ranks);
    at.at("ranks", i).require(seen.insert(r.ranks[i].rank).second, "stands twice");
    received = sum_of(received, r.ranks[i].received_bytes);
  }
  if (r.mark != Mark::measured || r.ranks.empty()) return;
  at.at("ranks").require(static_cast<std::int64_t>(r.ranks.size()) == ranks,
                         fmt::format("lists {} of {} ranks", r.ranks.size(), ranks));
  at.at("ranks").require(received == sent_bytes_total(r),
                         fmt::format("{} bytes were sent, {} received", sent_bytes_total(r), received));
}

bool alike(std::optional<double> a, std::optional<double> b) {
  return a.has_value() == b.has_value() && (!a || std::abs(*a - *b) <= 1e-9 * std::abs(*b));
}

/// What was written of a record's times is what they give.
void check_rates(const Checker& at, const CaseRecord& record, const ImplementationRecord& r) {
  if (!r.rates) return;
  const std::optional<RateRecord> given = rates_of(record, r);
  at.require(given.has_value(), "is there, but the implementation has no time");
  if (!given) return;
  at.at("tokens_per_s").require(alike(r.rates->tokens_per_s, given->tokens_per_s), "does not follow from the time");
  at.at("flops_per_s").require(alike(r.rates->flops_per_s, given->flops_per_s), "does not follow from price and time");
  at.at("retention").require(alike(r.rates->retention, given->retention), "does not follow from time_over_one_rank");
  at.at("exposed_ns_median")
      .require(alike(r.rates->exposed_ns_median, given->exposed_ns_median), "is not the median of exposed_ns");
}

void check_implementation(const Checker& at, const CaseRecord& record, const ImplementationRecord& r) {
  const std::int64_t ranks = record.axes.ranks;
  check_ranks(at, r, ranks);
  check_times(at, r);
  check_rates(at.at("rates"), record, r);
  if (r.time_over_one_rank) check_interval(at.at("time_over_one_rank"), *r.time_over_one_rank);
  at.at("rehearsal")
      .require((r.mark == Mark::rehearsed) == r.rehearsal.has_value() || r.mark == Mark::priced,
               fmt::format("does not go with mark {}", to_string(r.mark)));
  at.at("time_ns").require(r.mark != Mark::priced || r.time_ns.empty(), "has samples, but mark is priced");
  if (!r.price || r.mark != Mark::measured || r.ranks.empty()) return;
  std::int64_t messages = 0;
  for (const RankRecord& rank : r.ranks) messages = sum_of(messages, rank.messages);
  at.at("price/messages_total")
      .require(r.price->messages_total == messages,
               fmt::format("is {}, but {} were counted", r.price->messages_total, messages));
}

void check_verdict(const Checker& at, const std::optional<NumericVerdict>& verdict) {
  if (!verdict) return;
  const bool all_passed = std::all_of(verdict->tensors.begin(), verdict->tensors.end(),
                                      [](const TensorVerdict& tensor) { return tensor.passed; });
  at.at("passed").require(!verdict->passed || all_passed, "is true, but a tensor failed");
  at.at("reason").require(verdict->passed == verdict->reason.empty(), "must be there exactly where it failed");
  for (std::size_t i = 0; i < verdict->tensors.size(); ++i) {
    const TensorVerdict& tensor = verdict->tensors[i];
    const Checker tensor_at = at.at("tensors", i);
    tensor_at.at("mismatched")
        .require(tensor.passed == (tensor.mismatched == 0),
                 fmt::format("is {}, but passed is {}", tensor.mismatched, tensor.passed));
    tensor_at.at("error_by_position")
        .require(tensor.error_by_position.first_row.size() == tensor.error_by_position.max_abs.size(),
                 "its lists differ in length");
  }
}

void check_case(const Checker& at, const CaseRecord& record) {
  at.at("id").require(record.id == case_id(record.axes),
                      fmt::format("is \"{}\", the axes give \"{}\"", record.id, case_id(record.axes)));
  if (record.legacy) check_implementation(at.at("legacy"), record, *record.legacy);
  check_implementation(at.at("candidate"), record, record.candidate);
  check_verdict(at.at("candidate_against_oracle"), record.candidate_against_oracle);
  check_verdict(at.at("legacy_against_oracle"), record.legacy_against_oracle);
  check_verdict(at.at("legacy_against_candidate"), record.legacy_against_candidate);
  if (record.time_ratio) check_interval(at.at("time_ratio"), *record.time_ratio);
  at.at("covered_share").require(record.covered_share >= 0.0 && record.covered_share <= 1.0, "must lie in [0, 1]");
  const bool is_wrong = record.candidate_against_oracle && !record.candidate_against_oracle->passed;
  at.at("outcome").require(!is_wrong || !record.outcome || *record.outcome != Outcome::match,
                           "is match, but the new implementation differs from its oracle");
}

void check_scaling(const Checker& at, const ScalingRecord& record) {
  const bool alike = record.at.size() == record.values.size() && record.at.size() == record.marks.size();
  at.require(alike, fmt::format("has {} places, {} values and {} marks", record.at.size(), record.values.size(),
                                record.marks.size()));
  check_interval(at.at("exponent"), {record.exponent, record.low, record.high});
}

void check_prediction(const Checker& at, const PredictionRecord& record) {
  const double error = (record.predicted - record.found) / record.found;
  const bool holds = !std::isfinite(error) || std::abs(error - record.relative_error) <= 1e-9 * (1.0 + std::abs(error));
  at.at("relative_error").require(holds, fmt::format("is {}, the numbers give {}", record.relative_error, error));
}

void check_summary(const Checker& at, const Report& report) {
  const SummaryRecord counted = summarize(report);
  const SummaryRecord& given = report.summary;
  const auto same = [&at](const char* key, std::int64_t said, std::int64_t found) {
    at.at(key).require(said == found, fmt::format("is {}, but {} are listed", said, found));
  };
  same("cases", given.cases, counted.cases);
  same("skipped", given.skipped, counted.skipped);
  same("accepted", given.accepted, counted.accepted);
  at.at("outcomes").require(given.outcomes == counted.outcomes, "does not count the outcomes that are listed");
}

}  // namespace

std::vector<ReportProblem> report_problems(const Report& report) {
  std::vector<ReportProblem> problems;
  const Checker root(problems);
  for (std::size_t i = 0; i < report.cases.size(); ++i) check_case(root.at("cases", i), report.cases[i]);
  for (std::size_t i = 0; i < report.scaling.size(); ++i) check_scaling(root.at("scaling", i), report.scaling[i]);
  for (std::size_t i = 0; i < report.predictions.size(); ++i)
    check_prediction(root.at("predictions", i), report.predictions[i]);
  check_summary(root.at("summary"), report);
  root.at("complete").require(!(report.complete && report.interrupted), "is true, but the run was interrupted");
  return problems;
}

std::string kind_of_result(std::string_view text) {
  const Json json = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
  if (json.is_object() && json.value("schema", Json()) == "ringattn.baseline") return "baseline";
  const Json whole = Json::parse(text, nullptr, false);
  if (!whole.is_object()) return "";
  if (whole.value("schema", Json()) == report_schema) return "report";
  if (whole.contains("$schema")) return "schema";
  if (whole.contains("answer") && whole.contains("recording")) return "identification";
  if (whole.contains("files") && whole.contains("notebooks")) return "migration";
  return "";
}

}  // namespace ringattn
