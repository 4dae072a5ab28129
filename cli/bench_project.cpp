#include "cli/bench_project.h"

#include "cli/interrupt.h"
#include "config/error.h"
#include "measure/clock.h"
#include "measure/scalar_type.h"
#include "measure/world_forecast.h"
#include "pattern/pattern.h"
#include "report/failure.h"
#include "report/predictions.h"
#include "report/quantity.h"
#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

bool contains(const std::vector<std::int64_t>& list, std::int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// The cases of the workload with these numbers of ranks instead of theirs.
std::vector<Case> projected_cases(const std::vector<Case>& cases, const std::vector<std::int64_t>& ranks) {
  std::vector<Case> result;
  for (Case axes : cases) {
    for (const std::int64_t k : ranks) {
      axes.ranks = k;
      if (std::find(result.begin(), result.end(), axes) == result.end()) result.push_back(axes);
    }
  }
  return result;
}

PriceRecord price_record_of(const ProjectedPrice& price) {
  return {.peak_bytes_max = price.peak_bytes_max,
          .kernel_bytes_max = price.kernel_bytes_max,
          .sent_bytes_total = price.sent_bytes_total,
          .messages_total = price.messages_total,
          .rows_travelled = price.rows_travelled,
          .flops_total = price.flops_total};
}

ForecastCase subject_of(const Contender& contender, Workbench& bench) {
  const Case& axes = contender.axes;
  return {*contender.ring, axes, price_shape(bench.inputs(axes), scalar_type(axes.dtype))};
}

double rehearsed_ns(const ForecastCase& subject, const RehearsalRecord& rehearsal, CalibratedRates& rates) {
  std::vector<int> ranks;
  for (const std::int64_t rank : rehearsal.rehearsed_ranks) ranks.push_back(static_cast<int>(rank));
  // No link: rows are there as soon as they are copied.
  const Wire wire =
      rehearsal.link_gb_s > 0.0 ? Wire{1e9 * rehearsal.link_gb_s, 1e-6 * rehearsal.link_us} : rates.wire();
  return lone_ranks_ns(subject, ranks, rates, wire, rehearsal.contention);
}

}  // namespace

BenchForecast::BenchForecast(const BenchOptions& options, const BenchSetup& setup, Workbench& bench)
    : options_(options), setup_(setup), bench_(bench) {
  const std::string& network = options.project.network;
  if (!network.empty()) network_ = load_network(network, options.shared.env);
}

void BenchForecast::foretell(ImplementationRecord& record, const Case& axes) {
  if (record.mark == Mark::priced) return;
  const Contender contender = setup_.contenders.make(record.id, axes, bench_.problem(axes));
  if (contender.ring == nullptr) return;
  const ForecastCase subject = subject_of(contender, bench_);
  if (record.mark == Mark::measured)
    record.time_ns_priced = thread_world_ns(subject, rates_);
  else if (record.rehearsal)
    record.time_ns_priced = rehearsed_ns(subject, *record.rehearsal, rates_);
}

std::vector<CaseRecord> BenchForecast::price(const Case& axes, bool on_network) {
  std::vector<CaseRecord> records;
  for (const std::string& name : setup_.contenders.names()) {
    const std::int64_t start_ns = now_ns();
    const Contender contender = setup_.contenders.make(name, axes, bench_.problem(axes));
    if (contender.ring == nullptr) continue;
    records.push_back(priced(contender, on_network));
    longest_ns_ = std::max(longest_ns_, now_ns() - start_ns);
  }
  return records;
}

std::string BenchForecast::who(bool on_network) const {
  if (network_ && on_network) return fmt::format("on network {}", network_->name);
  return "on ranks that are machines like this one, each with a wire as fast as copies between its threads";
}

/// The command that prices the case alone.
std::string BenchForecast::repro(const Contender& contender, bool on_network) const {
  Case axes = contender.axes;
  axes.ranks = 1;
  std::string line =
      fmt::format("ringattn bench --project-only --impl {} --project ranks={}", contender.id, contender.axes.ranks);
  const auto add = [&](const std::string& word) { line.append(" ").append(shell_quote(word)); };
  if (network_ && on_network) add("--network"), add(options_.project.network);
  for (const std::string& word : repeated_arguments(options_.workload, options_.inputs, options_.run.seed)) add(word);
  for (const std::string& axis : repeated_axes(axes, setup_.resolved)) add("-a"), add(axis);
  return line;
}

CaseRecord BenchForecast::priced(const Contender& contender, bool on_network) {
  const Case& axes = contender.axes;
  const ForecastCase subject = subject_of(contender, bench_);
  const std::vector<int> ranks = ranks_to_price(static_cast<int>(axes.ranks));
  ImplementationRecord record;
  record.id = contender.id;
  record.function = contender.function_name;
  record.mark = Mark::priced;
  const RingAttentionConfig& config = setup_.resolved.preset.config;
  record.backend = {std::string(to_string(config.backend)), contender.ring->backend().name(), ""};
  record.layout = {std::string(to_string(config.layout)), std::string(to_string(contender.ring->layout().kind)), ""};
  record.price = price_record_of(projected_price(subject, ranks));
  record.time_ns_priced = network_ && on_network ? network_ns(subject, ranks, *network_)
                                                 : lone_ranks_ns(subject, ranks, rates_, rates_.wire());
  CaseRecord result;
  result.id = case_id(axes);
  result.axes = axes;
  result.candidate = std::move(record);
  result.candidate.rates = rates_of(result, result.candidate);
  result.repro = repro(contender, on_network);
  result.covered_share = covered_share(contender.ring->pattern());
  result.warnings = {fmt::format("ranks {} of {} are priced, {}", fmt::join(ranks, ", "), axes.ranks, who(on_network))};
  return result;
}

void check_projection(const ProjectOptions& options, const Env& env, const std::vector<Case>& cases) {
  for (const Case& axes : cases) {
    if (!options.is_alone && contains(options.ranks, axes.ranks))
      throw UsageError(fmt::format("--project ranks={0}: {0} ranks are run as well; leave them out here or in -a ranks",
                                   axes.ranks));
  }
  if (options.network.empty()) return;
  const Network network = load_network(options.network, env);
  for (const Case& axes : cases) {
    if (!network.flops_per_s.contains(axes.dtype))
      throw UsageError(fmt::format("--network {}: has no flops_per_s for {}; add it, or choose another dtype",
                                   network.name, to_string(axes.dtype)));
  }
}

void project_bench(const BenchOptions& bench_options, const BenchSetup& setup, BenchForecast& forecast, RunLog& log,
                   Terminal& terminal) {
  const ProjectOptions& options = bench_options.project;
  if (interrupted() || (!options.is_wanted() && log.report().planned.empty())) return;
  log.finish([&](Report& report) {
    // A resumed report may hold these rows already.
    std::erase_if(report.cases, [&](const CaseRecord& record) {
      return record.candidate.mark == Mark::priced && contains(options.ranks, record.axes.ranks);
    });
    for (CaseRecord& record : report.cases) {
      if (interrupted()) return;
      if (record.legacy) forecast.foretell(*record.legacy, record.axes);
      forecast.foretell(record.candidate, record.axes);
    }
    report.predictions = predictions_of(report.cases);
    for (const Case& axes : projected_cases(setup.cases, options.ranks)) {
      if (interrupted()) return;
      for (CaseRecord& record : forecast.price(axes, true)) report.cases.push_back(std::move(record));
    }
  });
  if (!options.ranks.empty() && !bench_options.run.quiet)
    terminal.note(fmt::format("projected {}; the longest case took {} to plan and price", forecast.who(true),
                              human_time(static_cast<double>(forecast.longest_ns()))));
}

}  // namespace ringattn
