#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/old_side.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/workbench.h"
#include "compare/accept.h"
#include "compare/examine.h"
#include "config/config_json.h"
#include "config/error.h"
#include "measure/clock.h"
#include "report/bundle.h"
#include "report/failure.h"
#include "report/json.h"
#include "report/store.h"
#include "report/table.h"
#include "ring/factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace ringattn {
namespace {

/// Failing tensors are kept for this many cases of a bundle.
constexpr std::size_t kBundledCasesMax = 4;

/// The run of one `ringattn compare`: what it was asked, and what it has found so far.
class CompareRun {
 public:
  CompareRun(const CompareOptions& options, Terminal& terminal)
      : options_(options),
        terminal_(terminal),
        started_ns_(now_ns()),
        resolved_(options.workload.resolve(options.shared.env)),
        bench_(options.inputs, options.run.seed, options.run.timeout) {
    bench_.fit_workload(resolved_);
    candidate_ =
        resolve_implementation(options.candidate.empty() ? resolved_.preset.implementation : options.candidate);
    if (options.legacy != "oracle") old_ = find_old_side(options.legacy, old_options());
    config_ = new_config();
    if (!options.accept.empty()) accepted_ = load_accept(options.accept);
    cases_ = expand(resolved_.preset.workload);
    bench_.allow_for(cases_);
    check_configuration();
    prepare_report();
  }

  int run() {
    announce();
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(cases_.size()));
    for (const Case& axes : cases_) {
      if (interrupted()) break;
      if (is_finished(axes)) continue;
      progress.begin(case_id(axes));
      run_case(axes, progress);
      progress.finish();
    }
    return conclude();
  }

 private:
  OldSideOptions old_options() const {
    const RingAttentionConfig& config = resolved_.preset.config;
    return {.segment_lengths = config.segment_lengths,
            .dilation_rates = config.dilation_rates,
            .as_shipped = options_.as_shipped};
  }

  /// A pattern from the command line or environment is what the user wants to see; else the one that preserves the old
  /// function.
  RingAttentionConfig new_config() const {
    if (options_.new_config.kind == NewConfig::Kind::given) return options_.new_config.given;
    RingAttentionConfig config = resolved_.preset.config;
    const bool pattern_asked =
        std::any_of(resolved_.provenance.begin(), resolved_.provenance.end(),
                    [](const Provenance& p) { return p.field == "/config/pattern" && p.source != Source::preset; });
    if (options_.new_config.kind == NewConfig::Kind::guide || old_ == nullptr || pattern_asked) return config;
    if (const auto preserving = old_->preserving_config()) config.pattern = preserving->pattern;
    return config;
  }

  void check_configuration() {
    const Capabilities able = capabilities(torch_facts());
    for (const std::int64_t ranks : resolved_.preset.workload.ranks) check_runnable(config_, able, ranks);
    warnings_ = notices(config_, able);
    if (old_ != nullptr && options_.new_config.kind == NewConfig::Kind::preserving && !old_->preserving_config())
      warnings_.push_back(fmt::format("no configuration of the new API computes what {} was meant to: {}", old_->id(),
                                      old_->condition()));
  }

  void prepare_report() {
    report_ = begin_report("compare", options_.shared, resolved_);
    ResolvedRecord& resolved = report_.resolved;
    resolved.config = to_json(config_);
    resolved.legacy = old_ != nullptr ? old_->id() : "oracle";
    resolved.as_shipped = options_.as_shipped;
    resolved.candidate = candidate_;
    resolved.new_config = options_.new_config.kind == NewConfig::Kind::guide   ? "guide"
                          : options_.new_config.kind == NewConfig::Kind::given ? "given"
                                                                               : "preserving";
    resolved.inputs = options_.inputs.empty() ? "counter" : options_.inputs;
    resolved.seed = options_.run.seed;
    resolved.rtol = options_.rtol.value_or(Tolerance{}.rtol);
    resolved.atol = options_.atol.value_or(Tolerance{}.atol);
    resolved.timing_pairs = timing_pairs(options_.pairs, options_.no_time, options_.workload.preset_is_default);
    resolved.warmup = options_.no_time ? 0 : TimingOptions{}.warmups;
    report_.warnings = warnings_;
    if (options_.workload.preset_is_default && !options_.pairs && !options_.no_time)
      report_.warnings.push_back(fmt::format("no --preset: quick, timed in {} pairs instead of {}",
                                             timing_pairs_of_default_preset, timing_pairs_default));
    if (!options_.resume.empty()) report_ = resume(report_, load_report(options_.resume), options_.resume);
    if (writes_file()) check_writable(options_.workload.json);
  }

  bool writes_file() const { return !options_.workload.json.empty() && options_.workload.json != "-"; }

  void announce() {
    if (old_ != nullptr) terminal_.warn(old_->deprecation());
    if (options_.run.quiet) return;
    for (const std::string& warning : report_.warnings) terminal_.note(warning);
  }

  bool is_finished(const Case& axes) const {
    return std::any_of(report_.cases.begin(), report_.cases.end(),
                       [&](const CaseRecord& record) { return record.id == case_id(axes); });
  }

  /// Why a case is not run, "" where it is.
  std::string reason_to_skip(const Case& axes) const {
    return ringattn::reason_to_skip(now_ns() - started_ns_, options_.time_budget,
                                    estimated_bytes(axes, old_ != nullptr, true),
                                    report_.environment.memory_available_bytes);
  }

  void run_case(const Case& axes, Progress& progress) {
    if (const std::string reason = reason_to_skip(axes); !reason.empty()) {
      report_.skipped.push_back({case_id(axes), reason});
      return save();
    }
    try {
      add(axes, examine_case(axes, progress));
    } catch (const std::exception&) {
      if (!report_.cases.empty()) save();
      throw;
    }
  }

  Examination examine_case(const Case& axes, Progress& progress) {
    const auto ranks = static_cast<int>(axes.ranks);
    RingAttention attention(config_, axes.seq_len, axes.heads, axes.is_causal, ranks);
    const Candidate candidate{
        .id = candidate_,
        .function_name = function_name(config_),
        .attention = attention,
        .backend = {std::string(to_string(config_.backend)), attention.backend().name(), ""},
        .layout = {std::string(to_string(config_.layout)), std::string(to_string(attention.layout().kind)), ""}};
    std::unique_ptr<Attention> old_attention =
        old_ ? old_->make(axes.seq_len, axes.heads, axes.is_causal, ranks) : nullptr;
    std::optional<Legacy> legacy;
    if (old_)
      legacy.emplace(Legacy{old_->id(), old_->function_name(), *old_attention, old_->defects(ranks, axes.is_causal)});
    std::vector<Positions> shards;
    for (int rank = 0; rank < ranks; ++rank) shards.push_back(attention.layout().positions(rank));
    ExamineOptions examine_options{
        .timing = {.pairs = std::max<std::int64_t>(1, report_.resolved.timing_pairs), .stop = interrupted},
        .with_time = !options_.no_time,
        .progress = [&](const std::string& what) { progress.detail(what); }};
    if (options_.rtol) examine_options.tolerance = Tolerance{.rtol = *options_.rtol, .atol = *options_.atol};
    const InputSource& inputs = bench_.inputs(axes);
    return examine(axes, candidate, legacy ? &*legacy : nullptr, bench_.world(axes.ranks), inputs,
                   bench_.references(axes, attention.function(), shards), examine_options);
  }

  void add(const Case& axes, Examination examination) {
    examination.record.repro = repro_command(report_.resolved.legacy, candidate_, axes, further_arguments());
    const bool is_bundled =
        !options_.bundle.empty() && !examination.tensors.empty() && bundled_.size() < kBundledCasesMax;
    if (is_bundled)
      bundled_.push_back(
          {"tensors/" + file_name(examination.record.id) + ".safetensors", encode_safetensors(examination.tensors)});
    report_.cases.push_back(std::move(examination.record));
    save();
  }

  static std::string file_name(std::string id) {
    std::replace(id.begin(), id.end(), '/', '-');
    return id;
  }

  std::vector<std::string> further_arguments() const {
    std::vector<std::string> words = repeated_arguments(options_.workload, options_.inputs, options_.run.seed);
    if (options_.as_shipped) words.emplace_back("--as-shipped");
    if (options_.new_config.kind == NewConfig::Kind::guide) words.insert(words.end(), {"--new-config", "guide"});
    if (options_.new_config.kind == NewConfig::Kind::given)
      words.insert(words.end(), {"--new-config", to_json_short(config_).dump()});
    if (options_.rtol)
      words.insert(words.end(),
                   {"--rtol", fmt::format("{}", *options_.rtol), "--atol", fmt::format("{}", *options_.atol)});
    return words;
  }

  void save() {
    report_.summary = summarize(report_);
    report_.interrupted = interrupted();
    report_.complete = report_.cases.size() + report_.skipped.size() >= cases_.size();
    report_.duration_ns = now_ns() - started_ns_;
    if (writes_file()) save_report(report_, options_.workload.json);
  }

  void apply_accepted() {
    std::vector<CaseOutcome> outcomes;
    for (const CaseRecord& record : report_.cases) outcomes.push_back({record.id, *record.outcome});
    const AcceptResult result = apply_accept(accepted_, outcomes, today_utc());
    for (std::size_t i = 0; i < report_.cases.size(); ++i) {
      if (result.entry_of_case[i] >= 0)
        report_.cases[i].accepted = accepted_[static_cast<std::size_t>(result.entry_of_case[i])].reason;
    }
    report_.warnings.insert(report_.warnings.end(), result.warnings.begin(), result.warnings.end());
    all_good_ = result.all_good;
  }

  int exit_code() const {
    if (interrupted()) return exit_interrupted;
    if (report_.cases.empty()) return exit_unavailable;  // every case was skipped
    if (!all_good_) return exit_no;
    const bool is_unsure = std::any_of(report_.cases.begin(), report_.cases.end(), [](const CaseRecord& record) {
      return record.time_ratio && record.time_ratio->low < 1.0 && record.time_ratio->high > 1.0;
    });
    return options_.strict && is_unsure ? exit_inconclusive : exit_yes;
  }

  int conclude() {
    apply_accepted();
    report_.exit_code = exit_code();
    save();
    if (options_.workload.json == "-")
      terminal_.result(to_json_text(report_));
    else
      show();
    if (!options_.bundle.empty()) {
      save_bundle(report_, bundled_, options_.bundle);
      terminal_.note(fmt::format("bundle: {}", options_.bundle));
    }
    return static_cast<int>(report_.exit_code);
  }

  void show() {
    terminal_.result(compare_table(report_, terminal_.style()));
    for (const CaseRecord& record : report_.cases) {
      if (*record.outcome != Outcome::match && record.accepted.empty())
        terminal_.result("\n" + failure_block(record, terminal_.style()));
    }
    if (old_ != nullptr) terminal_.result(configuration_text());
  }

  std::string configuration_text() const {
    std::optional<RingAttentionConfig> config = old_->preserving_config();
    if (!config) return "";
    return fmt::format("\nThe configuration that computes what {} was meant to{}:\n\n{}\n\n{}\n", old_->id(),
                       old_->condition().empty() ? "" : fmt::format(" ({})", old_->condition()),
                       to_json_text_short(*config), to_python(*config));
  }

  const CompareOptions& options_;
  Terminal& terminal_;
  std::int64_t started_ns_;
  Resolved resolved_;
  Workbench bench_;
  std::string candidate_;
  std::unique_ptr<OldSide> old_;
  RingAttentionConfig config_;
  std::vector<AcceptEntry> accepted_;
  std::vector<Case> cases_;
  std::vector<std::string> warnings_;
  std::vector<BundleEntry> bundled_;
  bool all_good_ = false;
  Report report_;
};

}  // namespace

int run_compare(const CompareOptions& options, Terminal& terminal) { return CompareRun(options, terminal).run(); }

}  // namespace ringattn
