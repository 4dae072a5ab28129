#include "cli/bench_project.h"
#include "cli/bench_setup.h"
#include "cli/contenders.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/run_log.h"
#include "cli/verbs.h"
#include "cli/workbench.h"
#include "compare/records.h"
#include "measure/runner.h"
#include "pattern/pattern.h"
#include "report/failure.h"
#include "report/scaling.h"
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ringattn {
namespace {

/// Cases that are timed together.
using Group = std::vector<Case>;

/// One implementation in one case, and what was measured of it.
struct Runner {
  Contender contender{};
  ImplementationRecord record{};
  std::int64_t metering_ns = 0;
  std::int64_t oracle_ns = 0;
  std::optional<NumericVerdict> against_oracle{};  ///< of a rehearsal
};

/// time(numerator) / time(denominator) of paired samples; none where none were taken.
std::optional<IntervalRecord> time_ratio(const ImplementationRecord& numerator,
                                         const ImplementationRecord& denominator) {
  if (numerator.time_ns.empty()) return std::nullopt;
  return ratio_record(numerator.time_ns, denominator.time_ns);
}

/// The run of one `ringattn bench`.
class BenchRun {
 public:
  BenchRun(const BenchOptions& options, Terminal& terminal)
      : options_(options),
        terminal_(terminal),
        bench_(options.inputs, options.run.seed, options.run.timeout),
        setup_(set_up_bench(options, bench_)),
        log_(begin_bench_report(options, setup_),
             {.json = options.workload.json,
              .resume = options.resume,
              .cases = options.project.is_alone ? 0 : setup_.cases.size(),
              .records_a_case = std::max<std::size_t>(1, setup_.contenders.names().size() - 1)}) {
    log_.expect_pass(options.backward);
    bench_.allow_for(setup_.cases);
  }

  int run() {
    for (const std::string& line : setup_.contenders.deprecations()) terminal_.warn(line);
    if (!options_.run.quiet) log_.announce(terminal_);
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(setup_.groups.size()));
    for (const Group& group : setup_.groups) {
      if (interrupted() || options_.project.is_alone) break;
      progress.begin(case_id(group.front()));
      if (!is_finished(group)) run_group(group, progress);
      progress.finish();
    }
    project_bench(options_, setup_, bench_, log_, terminal_);
    log_.finish([](Report& report) { report.scaling = scaling_of(report.cases); });
    return log_.conclude(answer(), terminal_,
                         [this](const Report& report) { return bench_table(report, terminal_.style()); });
  }

 private:
  /// Whether every rehearsed result was right; nothing else is judged here.
  ExitCode answer() const {
    const std::vector<CaseRecord>& cases = log_.report().cases;
    const bool any_wrong = std::any_of(cases.begin(), cases.end(), [](const CaseRecord& record) {
      return record.candidate_against_oracle && !record.candidate_against_oracle->passed;
    });
    return any_wrong ? exit_no : exit_yes;
  }

  bool is_finished(const Group& group) const {
    return std::all_of(group.begin(), group.end(), [this](const Case& axes) { return log_.has(axes); });
  }

  /// Each case on its own: a rehearsed rank has the machine to itself.
  void rehearse_group(const Group& group, Progress& progress) {
    for (const Case& axes : group) {
      std::vector<Contender> contenders;
      for (const std::string& name : setup_.contenders.names())
        contenders.push_back(setup_.contenders.make(name, axes, bench_.problem(axes)));
      const auto over = [this] {
        return interrupted() || log_.elapsed_ns() > options_.time_budget.count() * 1'000'000;
      };
      std::vector<RehearsedContender> runs =
          rehearse(std::move(contenders), bench_, *setup_.rehearsal,
                   {.pairs = log_.report().resolved.timing_pairs,
                    .timeout = options_.run.timeout,
                    .stop = over,
                    .progress = [&](const std::string& what) { progress.detail(what); },
                    .pass = options_.backward ? Pass::both : Pass::forward});
      std::vector<Runner> runners;
      for (RehearsedContender& run : runs) {
        describe(run.record, run.contender);
        runners.push_back({std::move(run.contender), std::move(run.record), run.metering_ns, run.oracle_ns,
                           std::move(run.against_oracle)});
      }
      log_.add(records_of(runners));
    }
  }

  /// A group is timed as a whole: what a resumed report has of it is made again.
  void run_group(const Group& group, Progress& progress) {
    log_.forget(group);
    if (setup_.rehearsal) return rehearse_group(group, progress);
    std::vector<Runner> runners;
    for (const Case& axes : group) {
      const std::string reason =
          reason_to_skip(log_.elapsed_ns(), options_.time_budget,
                         estimated_bytes(axes, bench_.inputs(axes).mask_shape(), setup_.contenders.have_old(), false),
                         log_.report().environment.memory_available_bytes);
      if (!reason.empty()) {
        log_.skip(axes, reason);
        continue;
      }
      for (const std::string& name : setup_.contenders.names()) {
        progress.detail(fmt::format("{} k={}", name, axes.ranks));
        runners.push_back(metered(setup_.contenders.make(name, axes, bench_.problem(axes))));
      }
    }
    progress.detail("time");
    if (!options_.no_time && !runners.empty()) time(runners);
    log_.add(records_of(runners));
  }

  Runner metered(Contender contender) {
    const Case& axes = contender.axes;
    const MeteredRun run = meter(bench_.world(axes.ranks).world(), *contender.attention, bench_.inputs(axes),
                                 scalar_type(axes.dtype), pass_of(contender));
    ImplementationRecord record = implementation_record(
        contender.id, contender.function_name, run.measurement,
        contender.ring != nullptr ? received_bytes(*contender.ring, bench_.inputs(axes), axes, pass_of(contender))
                                  : gathered_bytes(*contender.attention, bench_.inputs(axes), axes));
    describe(record, contender);
    price(record, contender);
    return {std::move(contender), std::move(record), run.measurement.metering_time_ns};
  }

  /// Backward of the old ones is autograd's.
  Pass pass_of(const Contender& contender) const {
    if (!options_.backward) return Pass::forward;
    return contender.ring != nullptr ? Pass::both : Pass::autograd;
  }

  /// Backend, layout, and what the numbers are of.
  void describe(ImplementationRecord& record, const Contender& contender) {
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

  void price(ImplementationRecord& record, const Contender& contender) {
    if (contender.ring == nullptr) return;
    const Case& axes = contender.axes;
    record.price = price_record(*contender.ring, bench_.world(axes.ranks),
                                price_shape(bench_.inputs(axes), scalar_type(axes.dtype)), pass_of(contender));
  }

  /// Times all of a group in interleaved passes, as many as the budget lets it.
  void time(std::vector<Runner>& runners) {
    std::vector<TimedContender> timed;
    for (const Runner& runner : runners)
      timed.push_back({.world = &bench_.world(runner.contender.axes.ranks).world(),
                       .attention = runner.contender.attention.get(),
                       .pass = pass_of(runner.contender)});
    const Case& axes = runners.front().contender.axes;
    const std::int64_t pairs = log_.report().resolved.timing_pairs;
    const std::int64_t left_ns = options_.time_budget.count() * 1'000'000 - log_.elapsed_ns();
    const TimedRuns runs =
        time_interleaved(timed, bench_.inputs(axes), scalar_type(axes.dtype),
                         {.pairs = pairs,
                          .time_budget = std::chrono::nanoseconds(std::max<std::int64_t>(1, left_ns)),
                          .stop = interrupted});
    for (std::size_t i = 0; i < runners.size(); ++i) {
      ImplementationRecord& record = runners[i].record;
      record.time_ns = runs.time_ns[i];
      record.exposed_ns = runs.exposed_ns[i];
      if (!record.time_ns.empty()) record.time_ns_median = interval_record(record.time_ns);
    }
    refer_to_one_rank(runners);
    if (runs.end == TimingEnd::over_budget)
      log_.warn(fmt::format("{}: timed in {} pairs instead of {}, --time-budget is spent", case_id(axes),
                            runs.time_ns.front().size(), pairs));
  }

  static void refer_to_one_rank(std::vector<Runner>& runners) {
    for (Runner& runner : runners) {
      const auto one = std::find_if(runners.begin(), runners.end(), [&](const Runner& r) {
        return r.contender.id == runner.contender.id && r.contender.axes.ranks == 1;
      });
      if (one != runners.end() && runner.contender.axes.ranks > 1)
        runner.record.time_over_one_rank = time_ratio(runner.record, one->record);
    }
  }

  /// The first implementation stands on the old side of every other; alone, it is the case. `runners` holds all
  /// implementations of a case side by side.
  std::vector<CaseRecord> records_of(const std::vector<Runner>& runners) const {
    const std::size_t count = setup_.contenders.names().size();
    std::vector<CaseRecord> records;
    for (std::size_t first = 0; first < runners.size(); first += count) {
      std::int64_t metering_ns = 0;
      for (std::size_t i = 0; i < count; ++i) metering_ns += runners[first + i].metering_ns;
      for (std::size_t i = count == 1 ? 0 : 1; i < count; ++i) {
        const Runner& runner = runners[first + i];
        CaseRecord record = record_of(runner);
        record.metering_ns = metering_ns;
        if (i > 0) {
          record.legacy = runners[first].record;
          record.time_ratio = time_ratio(*record.legacy, record.candidate);
        }
        records.push_back(std::move(record));
      }
    }
    return records;
  }

  CaseRecord record_of(const Runner& runner) const {
    const Contender& contender = runner.contender;
    CaseRecord record;
    record.id = case_id(contender.axes);
    record.axes = contender.axes;
    record.candidate = runner.record;
    record.candidate_against_oracle = runner.against_oracle;
    record.oracle_ns = runner.oracle_ns;
    record.covered_share = contender.ring != nullptr ? covered_share(contender.ring->pattern()) : 1.0;
    record.repro = fmt::format("ringattn bench --impl {}", fmt::join(setup_.contenders.names(), ","));
    if (options_.rehearse) record.repro.append(repeated_rehearsal());
    if (options_.backward) record.repro.append(" --backward");
    for (const std::string& word : repeated(contender.axes)) record.repro.append(" ").append(shell_quote(word));
    return record;
  }

  std::string repeated_rehearsal() const {
    const std::string rank = options_.rehearse->rank ? std::to_string(*options_.rehearse->rank) : "all";
    std::string words = fmt::format(" --rehearse {}/{} --link {}", rank, options_.rehearse->world_size, options_.link);
    if (options_.contention) words.append(fmt::format(" --contention {}", *options_.contention));
    return words;
  }

  /// The words that repeat one case.
  std::vector<std::string> repeated(const Case& axes) const {
    std::vector<std::string> words = repeated_arguments(options_.workload, options_.inputs, options_.run.seed);
    for (const std::string& axis : repeated_axes(axes, setup_.resolved)) words.insert(words.end(), {"-a", axis});
    return words;
  }

  const BenchOptions& options_;
  Terminal& terminal_;
  Workbench bench_;
  BenchSetup setup_;
  RunLog log_;
};

}  // namespace

int run_bench(const BenchOptions& options, Terminal& terminal) { return BenchRun(options, terminal).run(); }

}  // namespace ringattn
