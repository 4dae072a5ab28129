#include "cli/compare_case.h"
#include "cli/compare_family.h"
#include "cli/compare_setup.h"
#include "cli/identify.h"
#include "cli/interrupt.h"
#include "cli/processes.h"
#include "cli/progress.h"
#include "cli/run_log.h"
#include "cli/verbs.h"
#include "cli/workbench.h"
#include "compare/accept.h"
#include "config/config_json.h"
#include "config/error.h"
#include "report/bundle.h"
#include "report/failure.h"
#include "report/projection_table.h"
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ringattn {
namespace {

/// Failing tensors are kept for this many cases of a bundle.
constexpr std::size_t kBundledCasesMax = 4;

/// What runs on the threads of one process alone.
void refuse_on_processes(const CompareOptions& options) {
  const auto refuse = [](const std::string& flag, const std::string& why) {
    throw UsageError(flag + ": " + why + "; run it without a launcher, on threads");
  };
  if (options.workload.preset == "-") refuse("--preset", "- is the input of one process, and here are several");
  if (is_recording(options.legacy)) refuse("--old", "a recording is replayed by one process");
  if (is_old_family(options.legacy))
    refuse("--old", options.legacy + " stands for many, which one process goes through");
  if (options.as_shipped) refuse("--as-shipped", "released code may raise on one rank and leave the others waiting");
  if (options.bisect) refuse("--bisect", "watches all ranks of one process step by step");
  if (options.with_projection) refuse("--with-projection", "compares two orders of work on ranks of one process");
}

std::string file_name(std::string id) {
  std::replace(id.begin(), id.end(), '/', '-');
  return id;
}

/// The run of one `ringattn compare`: what it was asked, and what it has found so far.
class CompareRun {
 public:
  CompareRun(const CompareOptions& options, Terminal& terminal, const std::shared_ptr<ProcessGroup>& processes)
      : options_(options),
        terminal_(terminal),
        bench_(options.inputs, options.run.seed, options.run.timeout, processes),
        setup_(set_up_compare(options, bench_)),
        log_(begin_compare_report(options, setup_), {.json = bench_.reports() ? options.workload.json : "",
                                                     .resume = bench_.reports() ? options.resume : "",
                                                     .cases = setup_.cases.size(),
                                                     .is_deterministic_only = options.workload.deterministic_only}) {
    log_.expect_pass(options.backward);
    bench_.allow_for(setup_.cases);
  }

  int run() {
    if (setup_.old != nullptr) terminal_.warn(setup_.old->deprecation());
    if (!options_.run.quiet) log_.announce(terminal_);
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(setup_.cases.size()));
    for (const Case& axes : setup_.cases) {
      if (bench_.interrupted()) break;
      if (bench_.decides(log_.has(axes))) continue;
      progress.begin(case_id(axes));
      bench_.tell_case(axes);
      run_case(axes, progress);
      progress.finish();
    }
    return conclude();
  }

 private:
  void run_case(const Case& axes, Progress& progress) {
    const std::string reason = reason_to_skip(log_.elapsed_ns(), options_.time_budget, needed_bytes(axes),
                                              log_.report().environment.memory_available_bytes);
    if (bench_.decides(!reason.empty())) return log_.skip(axes, reason);
    try {
      add(axes, examine_setup(axes, setup_, bench_, examine_options(progress)));
    } catch (const std::exception&) {
      log_.save_finished();
      throw;
    }
  }

  /// Backward has as many tensors again, and an old one keeps its scores, as autograd does, on every rank.
  std::int64_t needed_bytes(const Case& axes) {
    const std::int64_t forward = estimated_bytes(axes, bench_.inputs(axes).mask_shape(), setup_.old != nullptr, true);
    if (!options_.backward) return forward;
    const std::int64_t scores = axes.batch * axes.heads * axes.seq_len * axes.seq_len * 4;
    return 2 * forward + (setup_.old != nullptr ? 3 * axes.ranks * scores : 0);
  }

  ExamineOptions examine_options(Progress& progress) const {
    ExamineOptions examining{
        .timing = {.pairs = std::max<std::int64_t>(1, log_.report().resolved.timing_pairs), .stop = interrupted},
        .with_time = !options_.no_time,
        .pass = options_.backward ? Pass::both : Pass::forward,
        .bisect = options_.bisect,
        .progress = [&progress](const std::string& what) { progress.detail(what); }};
    if (options_.rtol) examining.tolerance = Tolerance{.rtol = *options_.rtol, .atol = *options_.atol};
    return examining;
  }

  void add(const Case& axes, Examination examination) {
    if (!bench_.reports()) return;
    CaseRecord& record = examination.record;
    record.repro = repro_command(log_.report().resolved.legacy, setup_.candidate, repeated_axes(axes, setup_.resolved),
                                 further_arguments());
    const bool is_bundled =
        !options_.bundle.empty() && !examination.tensors.empty() && bundled_.size() < kBundledCasesMax;
    if (is_bundled)
      bundled_.push_back({"tensors/" + file_name(record.id) + ".safetensors", encode_safetensors(examination.tensors)});
    log_.add({std::move(record)});
  }

  std::vector<std::string> further_arguments() const {
    std::vector<std::string> words = repeated_arguments(options_.workload, options_.inputs, options_.run.seed);
    if (options_.as_shipped) words.emplace_back("--as-shipped");
    if (options_.backward) words.emplace_back("--backward");
    if (options_.with_projection) words.emplace_back("--with-projection");
    if (options_.bisect) words.emplace_back("--bisect");
    if (!options_.old_config.empty()) words.insert(words.end(), {"--config", options_.old_config});
    if (options_.new_config.kind == NewConfig::Kind::guide) words.insert(words.end(), {"--new-config", "guide"});
    if (options_.new_config.kind == NewConfig::Kind::given)
      words.insert(words.end(), {"--new-config", to_json_short(setup_.config).dump()});
    if (options_.rtol)
      words.insert(words.end(),
                   {"--rtol", fmt::format("{}", *options_.rtol), "--atol", fmt::format("{}", *options_.atol)});
    return words;
  }

  int conclude() {
    const bool all_good = apply_accepted();
    const int code =
        log_.conclude(answer(all_good), terminal_, [this](const Report& report) { return text_of(report); });
    if (!options_.bundle.empty()) {
      save_bundle(log_.report(), bundled_, options_.bundle);
      terminal_.note(fmt::format("bundle: {}", options_.bundle));
    }
    return code;
  }

  /// Whether every case is a match or accepted.
  bool apply_accepted() {
    std::vector<CaseOutcome> outcomes;
    for (const CaseRecord& record : log_.report().cases) outcomes.push_back({record.id, *record.outcome});
    const AcceptResult result = apply_accept(setup_.accepted, outcomes, today_utc());
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (result.entry_of_case[i] >= 0)
        log_.accept(i, setup_.accepted[static_cast<std::size_t>(result.entry_of_case[i])].reason);
    }
    for (const std::string& warning : result.warnings) log_.warn(warning);
    return result.all_good;
  }

  ExitCode answer(bool all_good) const {
    if (!all_good) return exit_no;
    const std::vector<CaseRecord>& cases = log_.report().cases;
    const bool is_unsure = std::any_of(cases.begin(), cases.end(), [](const CaseRecord& record) {
      return record.time_ratio && record.time_ratio->low < 1.0 && record.time_ratio->high > 1.0;
    });
    return options_.strict && is_unsure ? exit_inconclusive : exit_yes;
  }

  /// The table, what failed, and the configuration that preserves the old function.
  std::string text_of(const Report& report) const {
    std::string text = compare_table(report, terminal_.style()) + projection_table(report, terminal_.style());
    for (const CaseRecord& record : report.cases) {
      if (*record.outcome != Outcome::match && record.accepted.empty())
        text.append("\n").append(failure_block(record, terminal_.style()));
    }
    return text + old_parameter_lines(report.resolved, terminal_.style()) + configuration_text();
  }

  std::string configuration_text() const {
    if (setup_.old == nullptr) return "";
    const std::optional<RingAttentionConfig> config = setup_.old->preserving_config();
    if (!config) return "";
    const std::string condition = setup_.old->condition();
    return fmt::format("\nThe configuration that computes what {} was meant to{}:\n\n{}\n\n{}\n", setup_.old->id(),
                       condition.empty() ? "" : fmt::format(" ({})", condition), to_json_text_short(*config),
                       to_python(*config));
  }

  const CompareOptions& options_;
  Terminal& terminal_;
  Workbench bench_;
  CompareSetup setup_;
  RunLog log_;
  std::vector<BundleEntry> bundled_;
};

}  // namespace

int run_compare(const CompareOptions& options, Terminal& terminal) {
  return on_processes(options.shared, options.run, terminal, [&](const std::shared_ptr<ProcessGroup>& processes) {
    if (processes != nullptr) refuse_on_processes(options);
    if (is_recording(options.legacy)) return run_identify(options, terminal);
    if (is_old_family(options.legacy)) return run_compare_family(options, terminal);
    return CompareRun(options, terminal, processes).run();
  });
}

}  // namespace ringattn
