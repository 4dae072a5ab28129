#include "cli/identify.h"

#include "cli/exit_code.h"
#include "cli/identify_report.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/progress.h"
#include "compare/function_candidates.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace ringattn {
namespace {

/// Options that say nothing about a recording.
void check(const CompareOptions& options) {
  const auto refuse = [&](bool is_given, const char* flag) {
    if (is_given)
      throw UsageError(
          fmt::format("{}: has no meaning for a recording (--old {}); --config, --ranks, --time-budget, "
                      "--json have",
                      flag, options.legacy));
  };
  refuse(!options.workload.overrides.axes.empty(), "-a");
  refuse(!options.workload.overrides.sets.empty(), "--set");
  refuse(!options.workload.preset_is_default, "--preset");
  refuse(options.as_shipped, "--as-shipped");
  refuse(options.backward, "--backward");
  refuse(options.new_config.kind != NewConfig::Kind::preserving, "--new-config");
  refuse(!options.inputs.file.empty(), "--inputs");
  refuse(options.inputs.is_training, "--train");
  refuse(!options.accept.empty(), "--accept");
  refuse(!options.bundle.empty(), "--bundle");
  refuse(!options.resume.empty(), "--resume");
  refuse(options.rtol.has_value(), "--rtol");
  refuse(options.pairs.has_value(), "--pairs");
  refuse(options.with_projection, "--with-projection");
}

OldCall read_call(const std::string& spec) {
  if (spec.empty()) return {};
  const std::vector<std::string> known = old_parameter_names();
  if (spec.starts_with("{")) return old_call_from_json(parse_json_strict(spec, "--config"), "--config", known);
  std::ifstream file(spec, std::ios::binary);
  if (!file) throw UsageError("--config: there is no file \"" + spec + "\", and a JSON object begins with {");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return old_call_from_json(parse_json_strict(text, spec), spec, known);
}

OldCall call_of(const CompareOptions& options) {
  OldCall call = read_call(options.old_config);
  if (!options.ranks) return call;
  const int ranks = static_cast<int>(*options.ranks);
  if (call.ranks && *call.ranks != ranks)
    throw UsageError(fmt::format("--ranks: {}, but --config says {}", ranks, *call.ranks));
  call.ranks = ranks;
  return call;
}

/// What a recording of more results than ranks is.
void check_ranks(const UserRecording& recording, const OldCall& call) {
  if (call.ranks && recording.ranks_seen() > *call.ranks)
    throw UsageError(fmt::format("{}: has a result of rank {}, but the run is said to be of {} rank{}", recording.path,
                                 recording.ranks_seen() - 1, *call.ranks, *call.ranks == 1 ? "" : "s"));
}

/// On as many ranks as the recording is of.
int ranks_of(const IdentityReport& report) {
  if (report.call.ranks) return *report.call.ranks;
  for (const Judged& match : report.identity.found.matches)
    if (match.candidate.ranks > 0) return match.candidate.ranks;
  return std::max(1, report.recording->ranks_seen());
}

PreservedBy try_configuration(const IdentityReport& report, const Hypothesis& candidate) {
  PreservedBy tried{*candidate.config, candidate.name, candidate.why, ranks_of(report)};
  try {
    const HypothesisResult got =
        run_configuration(*candidate.config, *candidate.core, candidate.is_causal, tried.ranks);
    tried.ratio = fit_recording(got, *report.recording, report.tolerance).ratio;
  } catch (const UsageError& error) {
    tried.problem = error.what();
  } catch (const Unavailable& error) {
    tried.problem = error.what();
  }
  return tried;
}

/// The first configuration whose numbers are the recorded ones; else the nearest.
void find_preserving(IdentityReport& report) {
  for (const Judged& match : report.identity.found.matches) {
    if (!match.candidate.config || !match.candidate.core) continue;
    PreservedBy tried = try_configuration(report, match.candidate);
    const bool is_better = !report.preserved || tried.reproduces();
    if (is_better) report.preserved = std::move(tried);
    if (report.preserved->reproduces()) return;
  }
}

void judge_lse(IdentityReport& report) {
  if (!report.recording->lse.defined()) return;
  for (const Judged& match : report.identity.found.matches) {
    if (!match.lse.defined()) continue;
    report.lse_ratio = fit_tensor(match.lse, report.recording->lse, report.tolerance).ratio;
    return;
  }
}

}  // namespace

bool is_recording(const std::string& name) { return name.ends_with(".safetensors"); }

int run_identify(const CompareOptions& options, Terminal& terminal) {
  check(options);
  const OldCall call = call_of(options);
  const UserRecording recording = read_user_recording(options.legacy);
  check_ranks(recording, call);
  Progress progress(terminal, options.run.quiet ? ProgressChoice::never : options.run.progress, 1);
  progress.begin(options.legacy);
  IdentifyOptions how{.stop = interrupted, .progress = [&progress](const std::string& name) { progress.detail(name); }};
  if (options.time_budget) how.budget = *options.time_budget;
  IdentityReport report{&recording, call, identify_old(recording, call, how), fit_tolerance(recording)};
  find_preserving(report);
  judge_lse(report);
  report.gradients = identify_gradients(recording, report.identity.found.matches, report.identity.ranks);
  progress.finish();
  show_result(terminal, options.workload.json, json_text(identity_json(report)),
              identity_text(report, terminal.style()));
  throw_if_interrupted();
  return report.is_yes() ? exit_yes : exit_no;
}

}  // namespace ringattn
