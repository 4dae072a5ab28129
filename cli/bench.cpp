#include "cli/bench_effort.h"
#include "cli/bench_project.h"
#include "cli/bench_record.h"
#include "cli/bench_setup.h"
#include "cli/contenders.h"
#include "cli/interrupt.h"
#include "cli/monitoring.h"
#include "cli/processes.h"
#include "cli/progress.h"
#include "cli/run_log.h"
#include "cli/verbs.h"
#include "cli/workbench.h"
#include "compare/records.h"
#include "config/error.h"
#include "measure/runner.h"
#include "report/scaling.h"
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace ringattn {
namespace {

/// What measuring the rates of one kind of case takes (CalibratedRates), and the budget for which that is too much:
/// rough ones have to do.
constexpr std::int64_t kRatesMs = 2'000;
constexpr std::int64_t kRatesPerBudget = 5;

/// Kinds of cases that have rates of their own.
std::int64_t kinds_of_rates(const std::vector<std::vector<Case>>& groups) {
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, Dtype, std::int64_t>> kinds;
  for (const std::vector<Case>& group : groups)
    for (const Case& axes : group)
      kinds.emplace(axes.batch, axes.heads, axes.key_heads(), axes.head_dim, axes.dtype, axes.ranks);
  return static_cast<std::int64_t>(kinds.size());
}

/// What runs in one process alone.
void refuse_on_processes(const BenchOptions& options) {
  const auto refuse = [](const std::string& flag, const std::string& why) {
    throw UsageError(flag + ": " + why + "; run it without a launcher");
  };
  if (options.workload.preset == "-") refuse("--preset", "- is the input of one process, and here are several");
  if (options.rehearse) refuse("--rehearse", "one process stands for a rank and all its peers");
  if (options.project.is_wanted()) refuse("--project", "rates are measured in one process");
}

/// What is run, and becomes finished, as a whole.
struct Unit {
  std::vector<Case> cases{};
  Mark mark = Mark::measured;
  std::optional<RehearsalPlan> rehearsal{};  ///< where mark is rehearsed
  std::int64_t pairs = 0;
  double weight = 1.0;  ///< its share of the time, for the progress line
};

/// The run of one `ringattn bench`.
class BenchRun {
 public:
  BenchRun(const BenchOptions& options, Terminal& terminal, const std::shared_ptr<ProcessGroup>& processes)
      : options_(options),
        terminal_(terminal),
        bench_(options.inputs, options.run.seed, options.run.timeout, processes),
        setup_(set_up_bench(options, bench_)),
        log_(begin_bench_report(options, setup_), {.json = bench_.reports() ? options.workload.json : "",
                                                   .resume = bench_.reports() ? options.resume : "",
                                                   .cases = options.project.is_alone ? 0 : setup_.cases.size(),
                                                   .is_deterministic_only = options.workload.deterministic_only}),
        recorder_(options_, setup_, bench_, terminal_),
        forecast_(options_, setup_, bench_) {
    log_.expect_pass(options.backward);
    bench_.allow_for(setup_.cases);
  }

  int run() {
    for (const std::string& line : setup_.contenders.deprecations()) terminal_.warn(line);
    if (!options_.run.quiet) log_.announce(terminal_);
    if (!options_.project.is_alone) run_units();
    project_bench(options_, setup_, forecast_, log_, terminal_);
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

  void run_units() {
    plan();
    const std::vector<Unit> units = units_of_plan();
    std::vector<double> weights;
    for (const Unit& unit : units) weights.push_back(is_finished(unit) ? 0.0 : unit.weight);
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      std::move(weights));
    for (const Unit& unit : units) {
      if (bench_.interrupted()) break;
      progress.begin(case_id(unit.cases.front()));
      if (!bench_.decides(is_finished(unit))) run_unit(unit, progress);
      progress.finish();
    }
  }

  bool is_finished(const Unit& unit) const {
    return std::all_of(unit.cases.begin(), unit.cases.end(), [this](const Case& axes) { return log_.has(axes); });
  }

  /// Decides how each case is run where not all of them fit; a resumed run keeps to what was decided. Processes measure
  /// what they begin.
  void plan() {
    if (bench_.has_processes()) return;
    const bool is_decided = !log_.report().planned.empty() || !log_.report().cases.empty();
    if (is_decided || setup_.rehearsal) return;
    const std::int64_t pairs = log_.report().resolved.timing_pairs;
    const bool is_short = options_.time_budget.count() < kRatesPerBudget * kRatesMs * kinds_of_rates(setup_.groups);
    CalibratedRates rough(CalibratedRates::Care::rough);
    BenchEfforts efforts(options_, setup_, bench_, is_short ? rough : forecast_.rates(),
                         log_.report().environment.memory_available_bytes);
    if (efforts.all_fit(pairs)) return;
    if (!options_.run.quiet) terminal_.note("measuring this machine's rates, to plan what fits into --time-budget");
    std::vector<std::vector<CaseEffort>> groups;
    for (const std::vector<Case>& group : setup_.groups) {
      if (interrupted()) return;
      groups.push_back(efforts.of(group));
    }
    const auto left_ms =
        static_cast<double>(options_.time_budget.count()) - 1e-6 * static_cast<double>(log_.elapsed_ns());
    std::vector<PlannedRecord> planned = plan_bench(
        groups, {.pairs = pairs, .warmups = log_.report().resolved.warmup, .budget_ns = 1e6 * std::max(0.0, left_ms)});
    const bool all_as_asked = std::all_of(planned.begin(), planned.end(), [&](const PlannedRecord& record) {
      return record.mark == Mark::measured && record.pairs == pairs;
    });
    if (!all_as_asked) log_.finish([&](Report& report) { report.planned = std::move(planned); });
  }

  std::vector<Unit> units_of_plan() const {
    std::vector<Unit> units;
    for (const std::vector<Case>& group : setup_.groups) {
      Unit together{.cases = {}, .pairs = log_.report().resolved.timing_pairs, .weight = 0.0};
      std::vector<Unit> alone;
      for (const Case& axes : group) {
        if (setup_.rehearsal)
          alone.push_back({{axes}, Mark::rehearsed, setup_.rehearsal, together.pairs, weight_of(axes)});
        else
          add_to_unit(axes, together, alone);
      }
      if (!together.cases.empty()) units.push_back(std::move(together));
      std::move(alone.begin(), alone.end(), std::back_inserter(units));
    }
    return units;
  }

  void add_to_unit(const Case& axes, Unit& together, std::vector<Unit>& alone) const {
    const PlannedRecord* planned = planned_of(axes);
    if (planned == nullptr || planned->mark == Mark::measured) {
      together.cases.push_back(axes);
      together.weight += planned != nullptr ? planned->time_ns_expected.value_or(0.0) : weight_of(axes);
      if (planned != nullptr) together.pairs = planned->pairs;
      return;
    }
    Unit unit{{axes}, planned->mark, {}, planned->pairs, planned->time_ns_expected.value_or(1e6)};
    if (planned->mark == Mark::rehearsed)
      unit.rehearsal = RehearsalPlan{
          {.rank = planned->rank, .world_size = axes.ranks}, parse_link("none", options_.shared.env), 1.0};
    alone.push_back(std::move(unit));
  }

  /// What a case takes grows with its tokens and, at worst, with their square.
  static double weight_of(const Case& axes) {
    const auto n = static_cast<double>(axes.seq_len);
    return static_cast<double>(axes.batch * axes.heads * axes.head_dim) * n * (n + 4096.0);
  }

  const PlannedRecord* planned_of(const Case& axes) const {
    const std::vector<PlannedRecord>& planned = log_.report().planned;
    const auto found = std::find_if(planned.begin(), planned.end(),
                                    [id = case_id(axes)](const PlannedRecord& record) { return record.id == id; });
    return found == planned.end() ? nullptr : &*found;
  }

  std::int64_t left_ns() const { return options_.time_budget.count() * 1'000'000 - log_.elapsed_ns(); }

  /// A unit is run as a whole: what a resumed report has of it is made again.
  void run_unit(const Unit& unit, Progress& progress) {
    log_.forget(unit.cases);
    const bool is_planned = !log_.report().planned.empty();
    if (unit.mark == Mark::priced) return price(unit, "", progress);
    if (is_planned && left_ns() <= 0) return price(unit, "--time-budget is spent", progress);
    if (unit.rehearsal) return rehearse_unit(unit, progress);
    measure(unit, progress);
  }

  /// `why`: not as planned.
  void price(const Unit& unit, const std::string& why, Progress& progress) {
    for (const Case& axes : unit.cases) {
      if (options_.backward) {
        log_.skip(axes,
                  "backward is not priced in time, and not measured: " + (why.empty() ? planned_of(axes)->why : why));
        continue;
      }
      progress.detail("price");
      std::vector<CaseRecord> records = forecast_.price(axes, false);
      if (records.empty()) {
        log_.skip(axes,
                  "has no plan to be priced by, and is not measured: " + (why.empty() ? planned_of(axes)->why : why));
        continue;
      }
      if (!why.empty())
        for (CaseRecord& record : records)
          record.warnings.push_back(why + ": priced instead of " + std::string(to_string(unit.mark)));
      log_.add(std::move(records));
    }
  }

  /// Each case on its own: a rehearsed rank has the machine to itself.
  void rehearse_unit(const Unit& unit, Progress& progress) {
    const Case& axes = unit.cases.front();
    if (left_ns() <= 0) return log_.skip(axes, reason_to_skip(log_.elapsed_ns(), options_.time_budget, 0, 0));
    std::vector<Contender> contenders;
    for (const std::string& name : setup_.contenders.names())
      contenders.push_back(setup_.contenders.make(name, axes, bench_.problem(axes)));
    std::vector<RehearsedContender> runs =
        rehearse(std::move(contenders), bench_, *unit.rehearsal,
                 {.pairs = unit.pairs,
                  .timeout = options_.run.timeout,
                  .interrupted = interrupted,
                  .over_budget = [this] { return left_ns() <= 0; },
                  .progress = [&](const std::string& what) { progress.detail(what); },
                  .pass = options_.backward ? Pass::both : Pass::forward});
    if (runs.empty()) return;  // interrupted
    std::vector<Runner> runners;
    for (RehearsedContender& run : runs) runners.push_back(recorder_.rehearsed(std::move(run)));
    warn_of_fewer_pairs(axes, runners, unit.pairs);
    log_.add(recorder_.records_of(runners, &*unit.rehearsal));
  }

  void measure(const Unit& unit, Progress& progress) {
    std::vector<Runner> runners;
    for (const Case& axes : unit.cases) {
      const std::string reason =
          reason_to_skip(log_.elapsed_ns(), options_.time_budget,
                         estimated_bytes(axes, bench_.inputs(axes).mask_shape(), setup_.contenders.have_old(), false),
                         log_.report().environment.memory_available_bytes);
      if (bench_.decides(!reason.empty())) {
        log_.skip(axes, reason);
        continue;
      }
      for (const std::string& name : setup_.contenders.names()) {
        if (bench_.interrupted()) return;
        bench_.tell_case(axes);
        progress.detail(fmt::format("{} k={}", name, axes.ranks));
        runners.push_back(recorder_.metered(setup_.contenders.make(name, axes, bench_.problem(axes))));
      }
    }
    if (unit.pairs > 0 && !runners.empty()) time(runners, unit.pairs, progress);
    if (bench_.interrupted() || !bench_.reports()) return;  // interrupted, its times are not whole
    log_.add(recorder_.records_of(runners, nullptr));
  }

  /// Times all of a unit in interleaved passes, as many as the budget lets it.
  void time(std::vector<Runner>& runners, std::int64_t pairs, Progress& progress) {
    std::vector<TimedContender> timed;
    for (const Runner& runner : runners)
      timed.push_back({.world = &bench_.world(runner.contender.axes.ranks).world(),
                       .attention = runner.contender.attention.get(),
                       .pass = recorder_.pass_of(runner.contender)});
    const Case& axes = runners.front().contender.axes;
    std::int64_t begun = 0;
    const auto passes = static_cast<std::int64_t>(runners.size());
    const TimedRuns runs = time_interleaved(
        timed, bench_.inputs(axes), scalar_type(axes.dtype),
        {.pairs = pairs, .time_budget = std::chrono::nanoseconds(std::max<std::int64_t>(1, left_ns())), .stop = [&] {
           progress.detail(fmt::format("time {}/{}", std::min(pairs, begun++ / passes), pairs));
           return interrupted();
         }});
    if (!bench_.reports()) return;
    for (std::size_t i = 0; i < runners.size(); ++i) {
      ImplementationRecord& record = runners[i].record;
      record.time_ns = runs.time_ns[i];
      record.exposed_ns = runs.exposed_ns[i];
      if (!record.time_ns.empty()) record.time_ns_median = interval_record(record.time_ns);
    }
    refer_to_one_rank(runners);
    if (!interrupted()) warn_of_fewer_pairs(axes, runners, pairs);
  }

  void warn_of_fewer_pairs(const Case& axes, const std::vector<Runner>& runners, std::int64_t pairs) {
    const auto taken = static_cast<std::int64_t>(runners.front().record.time_ns.size());
    if (taken < pairs)
      log_.warn(
          fmt::format("{}: timed in {} pairs instead of {}, --time-budget is spent", case_id(axes), taken, pairs));
  }

  static void refer_to_one_rank(std::vector<Runner>& runners) {
    for (Runner& runner : runners) {
      const auto one = std::find_if(runners.begin(), runners.end(), [&](const Runner& r) {
        return r.contender.id == runner.contender.id && r.contender.axes.ranks == 1;
      });
      if (one == runners.end() || runner.contender.axes.ranks == 1 || runner.record.time_ns.empty()) continue;
      runner.record.time_over_one_rank = ratio_record(runner.record.time_ns, one->record.time_ns);
    }
  }

  const BenchOptions& options_;
  Terminal& terminal_;
  Workbench bench_;
  BenchSetup setup_;
  RunLog log_;
  BenchRecorder recorder_;
  BenchForecast forecast_;
};

}  // namespace

int run_bench(const BenchOptions& options, Terminal& terminal) {
  return on_processes(options.shared, options.run, terminal, [&](const std::shared_ptr<ProcessGroup>& processes) {
    if (processes != nullptr) refuse_on_processes(options);
    return BenchRun(options, terminal, processes).run();
  });
}

}  // namespace ringattn
