#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/old_side.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/workbench.h"
#include "compare/examine.h"
#include "config/config_json.h"
#include "config/error.h"
#include "measure/clock.h"
#include "measure/statistics.h"
#include "report/failure.h"
#include "report/json.h"
#include "report/store.h"
#include "report/table.h"
#include "ring/factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace ringattn {
namespace {

/// One implementation at one number of ranks, ready to run.
struct Runner {
  std::string id;
  Case axes;
  std::unique_ptr<Attention> attention;
  RingAttention* ring = nullptr;  ///< the same object, where it has a plan
  ImplementationRecord record;
};

/// Cases that differ in the number of ranks alone: timed in one interleaved pass, so that ratios between ranks hold
/// too.
using Group = std::vector<Case>;

std::vector<Group> groups_of(const std::vector<Case>& cases) {
  std::vector<Group> groups;
  for (const Case& c : cases) {
    Case any = c;
    any.ranks = groups.empty() ? 0 : groups.back().front().ranks;
    if (groups.empty() || !(any == groups.back().front())) groups.emplace_back();
    groups.back().push_back(c);
  }
  return groups;
}

class BenchRun {
 public:
  BenchRun(const BenchOptions& options, Terminal& terminal)
      : options_(options),
        terminal_(terminal),
        started_ns_(now_ns()),
        resolved_(options.workload.resolve(options.shared.env)),
        bench_(options.inputs, options.run.seed, options.run.timeout) {
    bench_.fit_workload(resolved_);
    names_ = options.implementations.empty() ? std::vector<std::string>{resolved_.preset.implementation}
                                             : options.implementations;
    const RingAttentionConfig& config = resolved_.preset.config;
    for (std::string& name : names_) {
      if (is_old_name(name))
        old_.emplace(name, find_old_side(name, {.segment_lengths = config.segment_lengths,
                                                .dilation_rates = config.dilation_rates}));
      else
        name = resolve_implementation(name);
    }
    const std::vector<Case> cases = expand(resolved_.preset.workload);
    bench_.allow_for(cases);
    groups_ = groups_of(cases);
    const Capabilities able = capabilities(torch_facts());
    for (const std::int64_t ranks : resolved_.preset.workload.ranks) check_runnable(config, able, ranks);
    prepare_report(notices(config, able));
  }

  int run() {
    for (const auto& [name, side] : old_) terminal_.warn(side->deprecation());
    if (!options_.run.quiet) {
      for (const std::string& warning : report_.warnings) terminal_.note(warning);
    }
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(groups_.size()));
    for (const Group& group : groups_) {
      if (interrupted()) break;
      progress.begin(case_id(group.front()));
      run_group(group, progress);
      progress.finish();
    }
    return conclude();
  }

 private:
  void prepare_report(const std::vector<std::string>& notes) {
    report_ = begin_report("bench", options_.shared, resolved_);
    report_.resolved.candidate = fmt::format("{}", fmt::join(names_, ", "));
    report_.resolved.inputs = options_.inputs.empty() ? "counter" : options_.inputs;
    report_.resolved.seed = options_.run.seed;
    report_.resolved.timing_pairs = timing_pairs(options_.pairs, options_.no_time, options_.workload.preset_is_default);
    report_.resolved.warmup = options_.no_time ? 0 : TimingOptions{}.warmups;
    report_.warnings = notes;
    if (!options_.resume.empty()) report_ = resume(report_, load_report(options_.resume), options_.resume);
    if (writes_file()) check_writable(options_.workload.json);
  }

  bool writes_file() const { return !options_.workload.json.empty() && options_.workload.json != "-"; }

  std::string reason_to_skip(const Case& axes) const {
    return ringattn::reason_to_skip(now_ns() - started_ns_, options_.time_budget,
                                    estimated_bytes(axes, !old_.empty(), false),
                                    report_.environment.memory_available_bytes);
  }

  bool is_finished(const Case& axes) const {
    const auto done =
        std::count_if(report_.cases.begin(), report_.cases.end(), [&](const CaseRecord& r) { return r.axes == axes; });
    return done >= static_cast<std::int64_t>(std::max<std::size_t>(1, names_.size() - 1));
  }

  void run_group(const Group& group, Progress& progress) {
    std::vector<Runner> runners;
    const bool is_done =
        std::all_of(group.begin(), group.end(), [this](const Case& axes) { return is_finished(axes); });
    if (is_done) return;
    forget(group);
    for (const Case& axes : group) {
      if (const std::string reason = reason_to_skip(axes); !reason.empty()) {
        report_.skipped.push_back({case_id(axes), reason});
        continue;
      }
      for (const std::string& name : names_) {
        progress.detail(fmt::format("{} k={}", name, axes.ranks));
        runners.push_back(metered(name, axes));
      }
    }
    progress.detail("time");
    if (!options_.no_time && !runners.empty()) time(runners);
    add_records(runners);
    save();
  }

  /// A group is timed as a whole: what a resumed report has of it is made again.
  void forget(const Group& group) {
    std::erase_if(report_.cases,
                  [&](const CaseRecord& r) { return std::find(group.begin(), group.end(), r.axes) != group.end(); });
  }

  Runner metered(const std::string& name, const Case& axes) {
    Runner runner{.id = name, .axes = axes, .attention = {}, .ring = nullptr, .record = {}};
    const auto ranks = static_cast<int>(axes.ranks);
    const auto old = old_.find(name);
    std::string function;
    if (old != old_.end()) {
      runner.attention = old->second->make(axes.seq_len, axes.heads, axes.is_causal, ranks);
      function = old->second->function_name();
    } else {
      const RingAttentionConfig& config = resolved_.preset.config;
      auto ring = std::make_unique<RingAttention>(config, axes.seq_len, axes.heads, axes.is_causal, ranks);
      runner.ring = ring.get();
      runner.attention = std::move(ring);
      function = function_name(config);
    }
    const MeteredRun run =
        meter(bench_.world(axes.ranks).world(), *runner.attention, bench_.inputs(axes), scalar_type(axes.dtype));
    metering_ns_[case_id(axes)] += run.measurement.metering_time_ns;
    runner.record = implementation_record(name, function, run.measurement,
                                          2 * axes.batch * axes.head_dim * element_bytes(axes.dtype));
    describe(runner);
    return runner;
  }

  void describe(Runner& runner) {
    if (runner.ring == nullptr) {
      runner.record.backend = {"plain", "plain", ""};
      runner.record.layout = {"contiguous", "contiguous", ""};
      return;
    }
    const RingAttentionConfig& config = resolved_.preset.config;
    runner.record.backend = {std::string(to_string(config.backend)), runner.ring->backend().name(), ""};
    runner.record.layout = {std::string(to_string(config.layout)), std::string(to_string(runner.ring->layout().kind)),
                            ""};
    runner.record.price = price_record(*runner.ring, bench_.world(runner.axes.ranks), runner.axes.batch,
                                       runner.axes.head_dim, scalar_type(runner.axes.dtype));
  }

  void time(std::vector<Runner>& runners) {
    std::vector<TimedContender> contenders;
    for (const Runner& runner : runners)
      contenders.push_back({&bench_.world(runner.axes.ranks).world(), runner.attention.get()});
    const Case& axes = runners.front().axes;
    const std::int64_t left_ns = options_.time_budget.count() * 1'000'000 - (now_ns() - started_ns_);
    const TimedRuns timed =
        time_interleaved(contenders, bench_.inputs(axes), scalar_type(axes.dtype),
                         {.pairs = report_.resolved.timing_pairs,
                          .time_budget = std::chrono::nanoseconds(std::max<std::int64_t>(1, left_ns)),
                          .stop = interrupted});
    for (std::size_t i = 0; i < runners.size(); ++i) {
      runners[i].record.time_ns = timed.time_ns[i];
      if (!timed.time_ns[i].empty()) runners[i].record.time_ns_median = interval_record(timed.time_ns[i]);
    }
    for (Runner& runner : runners) {
      const auto one = std::find_if(runners.begin(), runners.end(),
                                    [&](const Runner& r) { return r.id == runner.id && r.axes.ranks == 1; });
      if (one != runners.end() && runner.axes.ranks > 1)
        runner.record.time_over_one_rank = ratio(runner.record, one->record);
    }
    if (timed.end == TimingEnd::over_budget)
      report_.warnings.push_back(fmt::format("{}: timed in {} pairs instead of {}, --time-budget is spent",
                                             case_id(axes), timed.time_ns.front().size(),
                                             report_.resolved.timing_pairs));
  }

  /// time(numerator) / time(denominator) of paired samples.
  static std::optional<IntervalRecord> ratio(const ImplementationRecord& numerator,
                                             const ImplementationRecord& denominator) {
    if (numerator.time_ns.empty()) return std::nullopt;
    const MedianEstimate estimate = estimate_median(pair_ratios(numerator.time_ns, denominator.time_ns));
    return IntervalRecord{estimate.median, estimate.low.value_or(estimate.median),
                          estimate.high.value_or(estimate.median)};
  }

  /// The first implementation stands on the old side of every other; alone, it is the case.
  void add_records(const std::vector<Runner>& runners) {
    for (std::size_t first = 0; first < runners.size(); first += names_.size()) {
      for (std::size_t i = names_.size() == 1 ? 0 : 1; i < names_.size(); ++i) {
        CaseRecord record;
        const Runner& runner = runners[first + i];
        record.id = case_id(runner.axes);
        record.axes = runner.axes;
        record.candidate = runner.record;
        record.metering_ns = metering_ns_[record.id];
        record.covered_share = runner.ring != nullptr ? covered_share(runner.ring->pattern()) : 1.0;
        if (i > 0) {
          record.legacy = runners[first].record;
          record.time_ratio = ratio(*record.legacy, record.candidate);
        }
        record.repro = fmt::format("ringattn bench --impl {}", fmt::join(names_, ","));
        for (const std::string& word : bench_arguments(runner.axes)) record.repro.append(" ").append(shell_quote(word));
        report_.cases.push_back(std::move(record));
      }
    }
  }

  std::vector<std::string> bench_arguments(const Case& axes) const {
    std::vector<std::string> words = repeated_arguments(options_.workload, options_.inputs, options_.run.seed);
    for (const std::string& axis : {fmt::format("batch={}", axes.batch), fmt::format("seq_len={}", axes.seq_len),
                                    fmt::format("heads={}", axes.heads), fmt::format("head_dim={}", axes.head_dim),
                                    fmt::format("dtype={}", to_string(axes.dtype)),
                                    fmt::format("is_causal={}", axes.is_causal), fmt::format("ranks={}", axes.ranks)})
      words.insert(words.end(), {"-a", axis});
    return words;
  }

  void save() {
    report_.summary = summarize(report_);
    report_.interrupted = interrupted();
    std::size_t cases = 0;
    for (const Group& group : groups_) cases += group.size();
    const std::size_t records_a_case = std::max<std::size_t>(1, names_.size() - 1);
    report_.complete = report_.cases.size() / records_a_case + report_.skipped.size() >= cases;
    report_.duration_ns = now_ns() - started_ns_;
    if (writes_file()) save_report(report_, options_.workload.json);
  }

  int conclude() {
    report_.exit_code = interrupted() ? exit_interrupted : report_.cases.empty() ? exit_unavailable : exit_yes;
    save();
    terminal_.result(options_.workload.json == "-" ? to_json_text(report_) : bench_table(report_, terminal_.style()));
    return static_cast<int>(report_.exit_code);
  }

  const BenchOptions& options_;
  Terminal& terminal_;
  std::int64_t started_ns_;
  Resolved resolved_;
  Workbench bench_;
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<OldSide>> old_;
  std::vector<Group> groups_;
  std::map<std::string, std::int64_t> metering_ns_;
  Report report_;
};

}  // namespace

int run_bench(const BenchOptions& options, Terminal& terminal) { return BenchRun(options, terminal).run(); }

}  // namespace ringattn
