#include "cli/gate_baseline.h"
#include "cli/gate_case.h"
#include "cli/gate_run.h"
#include "cli/gate_text.h"
#include "cli/gate_time.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/run_log.h"
#include "cli/verbs.h"
#include "compare/records.h"
#include "config/config_json.h"
#include "config/error.h"
#include "gate/answer.h"
#include "gate/host_class.h"
#include "gate/rules.h"
#include "report/failure.h"
#include "report/store.h"
#include "ring/factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

/// What the gate was asked for, looked up and checked.
struct GateSetup {
  Resolved resolved;
  std::string implementation;
  std::vector<Case> cases;
  std::vector<std::string> warnings;
};

GateSetup set_up_gate(const GateOptions& options, Workbench& bench) {
  GateSetup setup;
  setup.resolved = options.workload.resolve(options.shared.env);
  bench.fit_workload(setup.resolved);
  Preset& preset = setup.resolved.preset;
  setup.implementation = resolve_implementation(preset.implementation);
  preset.config = variant_config(setup.implementation, std::move(preset.config));
  setup.cases = expand(preset.workload);
  setup.warnings = check_configuration(preset.config, preset.workload.ranks, false);
  if (preset.config.device == Device::cuda)
    throw Unavailable("device: cuda cannot be gated: baselines know CPUs alone; use auto or cpu");
  bench.allow_for(setup.cases);
  return setup;
}

Report begin_gate_report(const GateOptions& options, const GateSetup& setup) {
  Report report = begin_report("gate", options.shared, setup.resolved);
  report.resolved.candidate = setup.implementation;
  report.resolved.legacy = options.no_time ? "" : options.against.empty() ? "library" : options.against;
  describe_inputs(report.resolved, InputOptions{}, options.run.seed);
  report.resolved.timing_pairs = options.no_time ? 0 : options.pairs;
  report.resolved.warmup = options.no_time ? 0 : 2;
  report.warnings = setup.warnings;
  return report;
}

/// Backward has entries of its own.
std::string setting_of(const GateSetup& setup, bool backward) {
  const Preset& preset = setup.resolved.preset;
  const std::string implementation = setup.implementation + (backward ? "+backward" : "");
  return setting_key(preset.name, implementation, to_json(preset.config), to_json(RingAttentionConfig{}));
}

std::string this_host_class(const Environment& environment) {
  std::ifstream cpuinfo("/proc/cpuinfo");
  return host_class(environment, cpu_generation(cpuinfo));
}

ExitCode exit_code(GateAnswer answer) {
  switch (answer) {
    case GateAnswer::yes:
      return exit_yes;
    case GateAnswer::no:
      return exit_no;
    case GateAnswer::missing_baseline:
      return exit_usage;
    case GateAnswer::inconclusive:
      return exit_inconclusive;
  }
  return exit_broken;
}

/// The run of one `ringattn gate`.
class GateRun {
 public:
  GateRun(const GateOptions& options, Terminal& terminal, const GateStandIn& stand_in)
      : options_(options),
        terminal_(terminal),
        stand_in_(stand_in),
        bench_(InputOptions{}, options.run.seed, options.run.timeout),
        setup_(set_up_gate(options, bench_)),
        log_(begin_gate_report(options, setup_),
             {.json = options.workload.json, .resume = options.resume, .cases = setup_.cases.size()}),
        baseline_(options.baseline, this_host_class(log_.report().environment), setting_of(setup_, options.backward),
                  !options.update_baseline && !options.allow_new) {
    log_.expect_pass(options.backward);
    if (!options.junit.empty()) check_writable(options.junit);
    for (const char* rule : {"exponent", "baseline"}) log_.forget_checks(rule);
    if (!options.no_time) sampler_ = make_sampler();
    say_what_time_is_compared_with();
  }

  int run() {
    if (!options_.run.quiet) log_.announce(terminal_);
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(setup_.cases.size()));
    for (const Case& axes : setup_.cases) {
      if (interrupted()) break;
      progress.begin(case_id(axes));
      run_case(axes, progress);
      progress.finish();
    }
    if (!interrupted()) finish();
    const AnswerOptions answering{.strict = options_.strict, .allow_new = options_.allow_new || is_updating()};
    if (!options_.junit.empty())
      write_file_atomically(options_.junit, junit_xml(gate_suites(log_.report(), answering)));
    return log_.conclude(exit_code(answer(log_.report().checks, answering)), terminal_,
                         [this](const Report& report) { return gate_text(report, updates_, terminal_.style()); });
  }

 private:
  bool is_updating() const { return options_.update_baseline; }

  std::unique_ptr<GateSampler> make_sampler() {
    if (options_.against.empty()) return library_sampler(bench_);
    const ServedSetting setting{.implementation = setup_.implementation,
                                .config = setup_.resolved.preset.config,
                                .seed = options_.run.seed,
                                .timeout = options_.run.timeout};
    return build_sampler(options_.against, setting, options_.run.timeout);
  }

  void say_what_time_is_compared_with() {
    if (sampler_ && !options_.against.empty())
      log_.warn(fmt::format("time is compared with {}", sampler_->base()));
    else if (sampler_ && !baseline_.has_host_class() && !is_updating())
      log_.warn(fmt::format("no times of host class {} in the baseline: they are new, which fails nothing",
                            baseline_.host_class()));
  }

  void run_case(const Case& axes, Progress& progress) {
    RingAttention ring(setup_.resolved.preset.config, bench_.problem(axes), static_cast<int>(axes.ranks));
    if (log_.has(axes)) {
      note_facts(record_of(axes), ring);
      return;
    }
    const std::string reason =
        reason_to_skip(0, std::nullopt, estimated_bytes(axes, bench_.inputs(axes).mask_shape(), false, true),
                       log_.report().environment.memory_available_bytes);
    if (!reason.empty()) return log_.skip(axes, reason);
    const std::unique_ptr<Attention> other = stand_in_ ? stand_in_(ring) : nullptr;
    const GateSubject subject{.id = setup_.implementation,
                              .config = setup_.resolved.preset.config,
                              .ring = ring,
                              .runs = other.get(),
                              .pass = options_.backward ? Pass::both : Pass::forward};
    CaseRecord record =
        examine_for_gate(axes, subject, bench_, [&](const std::string& what) { progress.detail(what); });
    record.repro = repro(axes);
    std::vector<CheckRecord> checks = deterministic_checks(record, note_facts(record, ring));
    const bool is_right = record.candidate_against_oracle->passed;
    if (sampler_ && is_right && !interrupted()) checks.push_back(time(record, ring, progress));
    if (interrupted()) return;  // its times are not whole
    log_.check(std::move(checks));
    log_.add({std::move(record)});
  }

  const CaseRecord& record_of(const Case& axes) const {
    const std::vector<CaseRecord>& cases = log_.report().cases;
    return *std::find_if(cases.begin(), cases.end(), [&](const CaseRecord& r) { return r.axes == axes; });
  }

  CaseFacts note_facts(const CaseRecord& record, RingAttention& ring) {
    CaseFacts facts = facts_of(record, ring, bench_);
    points_.push_back(growth_point(record, facts));
    baseline_.found(facts);
    baseline_.found(HostEntry{.id = record.id, .peak_bytes = peak_bytes_of(record), .ratio = {}, .pairs = 0});
    return facts;
  }

  std::vector<CheckRecord> deterministic_checks(const CaseRecord& record, const CaseFacts& facts) const {
    std::vector<CheckRecord> checks{check_numeric(record.id, *record.candidate_against_oracle)};
    if (is_updating()) return checks;  // it becomes the baseline
    for (CheckRecord& check : check_facts(facts, baseline_.facts(record.id))) checks.push_back(std::move(check));
    if (baseline_.has_host_class())
      checks.push_back(check_host_peak(record.id, peak_bytes_of(record), baseline_.host(record.id)));
    return checks;
  }

  CheckRecord time(CaseRecord& record, RingAttention& ring, Progress& progress) {
    progress.detail("time");
    const GateSamples first = sampler_->sample(record.axes, ring, options_.pairs);
    if (first.base_ns.empty()) return {"time", record.id, CheckStatus::unsure, "interrupted"};
    note_samples(record, first);
    const TimeRun ratio = ratios_of(first);
    if (options_.against.empty()) {
      note_ratio(record, ratio);
      const HostEntry* entry = baseline_.host(record.id);
      if (is_updating() || entry == nullptr || entry->pairs == 0)
        return {
            "time", record.id, is_updating() ? CheckStatus::pass : CheckStatus::fresh,
            fmt::format("{:.3f} times the library's kernel on one rank, no entry to hold it to", ratio.change.median)};
    }
    const TimeRun run = compared(record.id, ratio);
    if (!wants_confirmation(run)) return check_time(record.id, run, std::nullopt);
    progress.detail("time again");
    const GateSamples again = sampler_->sample(record.axes, ring, options_.pairs);
    if (again.base_ns.empty()) return check_time(record.id, run, std::nullopt);
    return check_time(record.id, run, compared(record.id, ratios_of(again)));
  }

  /// Against another build the ratio is the change; against the library it is held to the baseline's.
  TimeRun compared(const std::string& id, TimeRun run) const {
    if (options_.against.empty()) run.change = relative_to(run.change, baseline_.host(id)->ratio);
    return run;
  }

  void note_samples(CaseRecord& record, const GateSamples& samples) const {
    ImplementationRecord base;
    base.id = sampler_->base();
    base.function = options_.against.empty() ? "dense" : record.candidate.function;
    base.time_ns = samples.base_ns;
    base.time_ns_median = interval_record(base.time_ns);
    record.legacy = std::move(base);
    record.candidate.time_ns = samples.candidate_ns;
    record.candidate.time_ns_median = interval_record(samples.candidate_ns);
    record.time_ratio = ratio_record(samples.base_ns, samples.candidate_ns);
  }

  /// A ratio becomes a baseline only where the machine was quiet enough to judge by it.
  void note_ratio(const CaseRecord& record, const TimeRun& ratio) {
    const Change noise = judge({.change = {1.0, 1.0, 1.0}, .self = ratio.self});
    if (noise == Change::noisy || !ratio.change.low) return;
    baseline_.found(HostEntry{.id = record.id,
                              .peak_bytes = peak_bytes_of(record),
                              .ratio = {ratio.change.median, *ratio.change.low, *ratio.change.high},
                              .pairs = options_.pairs});
  }

  /// What can be said only at the end: growth over cases, entries that nothing produced, and the update.
  void finish() {
    std::vector<CheckRecord> checks;
    for (const ExponentFact& fact : fit_exponents(points_)) {
      if (!is_updating()) checks.push_back(check_exponent(fact, baseline_.exponent(fact.among)));
      baseline_.found(fact);
    }
    const bool is_whole = options_.workload.overrides.axes.empty() && log_.report().skipped.empty();
    if (is_whole && !is_updating())
      for (CheckRecord& check : baseline_.stale()) checks.push_back(std::move(check));
    log_.check(std::move(checks));
    if (!is_updating()) return;
    if (answer(log_.report().checks, {.allow_new = true}) == GateAnswer::no)
      return log_.warn("the baseline is left as it is: a wrong value must not become one");
    updates_ = baseline_.update(is_whole);
    if (updates_.empty()) updates_ = {"the baseline is up to date"};
  }

  std::string repro(const Case& axes) const {
    std::vector<std::string> words = repeated_arguments(options_.workload, InputOptions{}, options_.run.seed);
    for (const std::string& axis : repeated_axes(axes, setup_.resolved)) words.insert(words.end(), {"-a", axis});
    std::string text = options_.backward ? "ringattn gate --no-time --backward" : "ringattn gate";
    for (const std::string& word : words) text.append(" ").append(shell_quote(word));
    return text;
  }

  const GateOptions& options_;
  Terminal& terminal_;
  const GateStandIn& stand_in_;
  Workbench bench_;
  GateSetup setup_;
  RunLog log_;
  GateBaseline baseline_;
  std::unique_ptr<GateSampler> sampler_;
  std::vector<GrowthPoint> points_;
  std::vector<std::string> updates_;
};

}  // namespace

int run_gate(const GateOptions& options, Terminal& terminal, const GateStandIn& stand_in) {
  return GateRun(options, terminal, stand_in).run();
}

int run_gate(const GateOptions& options, Terminal& terminal) { return run_gate(options, terminal, GateStandIn{}); }

}  // namespace ringattn
