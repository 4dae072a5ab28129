#include "cli/bench_record.h"

#include "cli/monitoring.h"
#include "compare/records.h"
#include "measure/runner.h"
#include "measure/scalar_type.h"
#include "pattern/pattern.h"
#include "report/failure.h"
#include "report/quantity.h"

#include <fmt/format.h>

#include <utility>

namespace ringattn {
namespace {

/// time(numerator) / time(denominator) of paired samples; none where none were taken.
std::optional<IntervalRecord> time_ratio(const ImplementationRecord& numerator,
                                         const ImplementationRecord& denominator) {
  if (numerator.time_ns.empty() || denominator.time_ns.empty()) return std::nullopt;
  return ratio_record(numerator.time_ns, denominator.time_ns);
}

std::string rehearsal_words(const RehearsalPlan& plan) {
  const std::string rank = plan.ranks.rank ? std::to_string(*plan.ranks.rank) : "all";
  const std::string link =
      plan.link.name == "given" ? fmt::format("{},{}", plan.link.gb_s, plan.link.us) : plan.link.name;
  std::string words = fmt::format(" --rehearse {}/{} --link {}", rank, plan.ranks.world_size, link);
  if (plan.contention != 1.0) words.append(fmt::format(" --contention {}", plan.contention));
  return words;
}

}  // namespace

Runner BenchRecorder::metered(Contender contender) {
  const Case& axes = contender.axes;
  const MeteredRun run = meter(bench_.world(axes.ranks).world(), *contender.attention, bench_.inputs(axes),
                               scalar_type(axes.dtype), pass_of(contender));
  ImplementationRecord record = implementation_record(
      contender.id, contender.function_name, run.measurement,
      contender.ring != nullptr ? received_bytes(*contender.ring, bench_.inputs(axes), axes, pass_of(contender))
                                : gathered_bytes(*contender.attention, bench_.inputs(axes), axes));
  describe(record, contender);
  price(record, contender);
  if (contender.ring != nullptr)
    tell_of_calls(*contender.ring, setup_.resolved.preset.config, fmt::format("{} {}", contender.id, case_id(axes)),
                  terminal_);
  return {std::move(contender), std::move(record), run.measurement.metering_time_ns};
}

Runner BenchRecorder::rehearsed(RehearsedContender run) const {
  describe(run.record, run.contender);
  return {std::move(run.contender), std::move(run.record), run.metering_ns, run.oracle_ns,
          std::move(run.against_oracle)};
}

Pass BenchRecorder::pass_of(const Contender& contender) const {
  if (!options_.backward) return Pass::forward;
  return contender.ring != nullptr ? Pass::both : Pass::autograd;
}

/// Backend, layout, and what the numbers are of.
void BenchRecorder::describe(ImplementationRecord& record, const Contender& contender) const {
  if (options_.backward) record.metered = "forward_backward";
  if (contender.ring == nullptr) {
    record.backend = {"plain", "plain", ""};
    record.layout = {"contiguous", "contiguous", ""};
    return;
  }
  RingAttention& ring = *contender.ring;
  const RingAttentionConfig& config = setup_.resolved.preset.config;
  record.backend = {std::string(to_string(config.backend)), backend_on(ring, bench_, contender.axes), ""};
  record.layout = {std::string(to_string(config.layout)), std::string(to_string(ring.layout().kind)), ""};
}

void BenchRecorder::price(ImplementationRecord& record, const Contender& contender) {
  if (contender.ring == nullptr) return;
  const Case& axes = contender.axes;
  record.price = price_record(*contender.ring, bench_.world(axes.ranks),
                              price_shape(bench_.inputs(axes), scalar_type(axes.dtype)), pass_of(contender));
}

std::vector<CaseRecord> BenchRecorder::records_of(const std::vector<Runner>& runners,
                                                  const RehearsalPlan* rehearsal) const {
  const std::size_t count = setup_.contenders.names().size();
  std::vector<CaseRecord> records;
  for (std::size_t first = 0; first < runners.size(); first += count) {
    std::int64_t metering_ns = 0;
    for (std::size_t i = 0; i < count; ++i) metering_ns += runners[first + i].metering_ns;
    for (std::size_t i = count == 1 ? 0 : 1; i < count; ++i) {
      CaseRecord record = record_of(runners[first + i], rehearsal);
      record.metering_ns = metering_ns;
      if (i > 0) {
        record.legacy = runners[first].record;
        record.legacy->rates = rates_of(record, *record.legacy);
        record.time_ratio = time_ratio(*record.legacy, record.candidate);
      }
      records.push_back(std::move(record));
    }
  }
  return records;
}

CaseRecord BenchRecorder::record_of(const Runner& runner, const RehearsalPlan* rehearsal) const {
  const Contender& contender = runner.contender;
  CaseRecord record;
  record.id = case_id(contender.axes);
  record.axes = contender.axes;
  record.candidate = runner.record;
  record.candidate.rates = rates_of(record, record.candidate);
  record.candidate_against_oracle = runner.against_oracle;
  record.oracle_ns = runner.oracle_ns;
  record.covered_share = contender.ring != nullptr ? covered_share(contender.ring->pattern()) : 1.0;
  record.repro = repro(contender.axes, rehearsal);
  return record;
}

/// The command that runs one case. A rehearsal brings its number of ranks with it.
std::string BenchRecorder::repro(const Case& axes, const RehearsalPlan* rehearsal) const {
  std::string line = fmt::format("ringattn bench --impl {}", fmt::join(setup_.contenders.names(), ","));
  if (rehearsal != nullptr) line.append(rehearsal_words(*rehearsal));
  if (options_.backward) line.append(" --backward");
  std::vector<std::string> words = repeated_arguments(options_.workload, options_.inputs, options_.run.seed);
  for (const std::string& axis : repeated_axes(axes, setup_.resolved)) words.insert(words.end(), {"-a", axis});
  for (const std::string& word : words) line.append(" ").append(shell_quote(word));
  return line;
}

}  // namespace ringattn
