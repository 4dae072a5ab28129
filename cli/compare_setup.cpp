#include "cli/compare_setup.h"

#include "compare/numeric.h"
#include "config/config_json.h"
#include "config/error.h"
#include "measure/runner.h"
#include "ring/factory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ringattn {
namespace {

std::unique_ptr<OldSide> old_side(const CompareOptions& options, const RingAttentionConfig& config,
                                  const OldConfig& old_config) {
  if (options.legacy == "oracle") return nullptr;
  OldSideOptions old = old_side_options(config, options.as_shipped);
  if (options.as_shipped) {
    old.ring_size = old_config.ring_size;
    old.constructor = old_config.constructor;
  }
  return find_old_side(options.legacy, old);
}

/// The workload and configuration, with what --config says below what the command line says.
Resolved resolve(const CompareOptions& options, const OldConfig& old_config) {
  WorkloadOptions workload = options.workload;
  workload.overrides.old_fields = old_config.overrides.old_fields;
  workload.overrides.old_axes = old_config.overrides.old_axes;
  workload.overrides.old_config = old_config.overrides.old_config;
  return workload.resolve(options.shared.env);
}

/// A pattern from the command line or environment is what the user wants to see; else the one that preserves the old
/// function.
RingAttentionConfig new_config(const CompareOptions& options, const Resolved& resolved, const OldSide* old) {
  if (options.new_config.kind == NewConfig::Kind::given) return options.new_config.given;
  RingAttentionConfig config = resolved.preset.config;
  const bool pattern_asked =
      std::any_of(resolved.provenance.begin(), resolved.provenance.end(),
                  [](const Provenance& p) { return p.field == "/config/pattern" && p.source != Source::preset; });
  if (options.new_config.kind == NewConfig::Kind::guide || old == nullptr || pattern_asked) return config;
  if (const auto preserving = old->preserving_config()) {
    config.pattern = preserving->pattern;
    config.segment_lengths = preserving->segment_lengths;  // some functions read them otherwise
    config.dilation_rates = preserving->dilation_rates;
  }
  return config;
}

/// What the old class dropped besides attention weights; "" for nothing, and where nothing is dropped.
std::string extra_dropout(const CompareOptions& options, const CompareSetup& setup) {
  const bool drops = options.inputs.is_training && setup.resolved.preset.config.dropout > 0.0;
  return drops && setup.old != nullptr ? setup.old->extra_dropout() : "";
}

/// Refuses what cannot run here; returns what the user should know about the rest.
std::vector<std::string> check(const CompareOptions& options, const CompareSetup& setup) {
  std::vector<std::string> warnings =
      check_configuration(setup.config, setup.resolved.preset.workload.ranks, options.inputs.is_training);
  const std::string extra = extra_dropout(options, setup);
  if (!extra.empty())
    warnings.push_back(
        fmt::format("{} as released also drops {}; not applied here, as it is unkeyed", setup.old->id(), extra));
  if (setup.old != nullptr && options.new_config.kind == NewConfig::Kind::preserving && !setup.old->preserving_config())
    warnings.push_back(fmt::format("no configuration of the new API for what {} was meant to compute: {}",
                                   setup.old->id(), setup.old->condition()));
  if (!setup.old_config.missing.empty())
    warnings.push_back(fmt::format("{}: lacks {}, which {} could not do without: taken from preset and workload",
                                   setup.old_config.source, fmt::join(setup.old_config.missing, ", "),
                                   setup.old->id()));
  if (setup.old != nullptr)
    for (std::string& remark : setup.old->remarks()) warnings.push_back(std::move(remark));
  if (setup.projection == "identity" && options.inputs.projection.empty())
    warnings.push_back(fmt::format(
        "{} as released projects x itself: both sides go through identity projections; --projection says others",
        setup.old->id()));
  if (options.workload.preset_is_default && !options.pairs && !options.no_time)
    warnings.push_back(fmt::format("no --preset: quick, timed in {} pairs instead of {}",
                                   timing_pairs_of_default_preset, timing_pairs_default));
  return warnings;
}

std::string to_word(NewConfig::Kind kind) {
  switch (kind) {
    case NewConfig::Kind::guide:
      return "guide";
    case NewConfig::Kind::given:
      return "given";
    case NewConfig::Kind::preserving:
      break;
  }
  return "preserving";
}

}  // namespace

namespace {

/// A released class that projects x itself has no result for query, key and value, so that it is given identities.
std::string projection_of(const CompareOptions& options, const OldSide* old) {
  if (!options.inputs.projection.empty()) return options.inputs.projection;
  if (old != nullptr && old->is_module()) return "identity";
  return options.with_projection ? "random" : "none";
}

void check_backward(const CompareOptions& options, const CompareSetup& setup) {
  if (!options.backward || setup.projection == "none") return;
  if (!options.inputs.projection.empty())
    throw UsageError("--backward: takes no gradients through projections; leave --projection out");
  if (options.with_projection)
    throw UsageError("--backward: takes no gradients through projections; leave --with-projection out");
  throw UsageError(
      fmt::format("--backward: {} as released projects x itself, and no gradients are taken through "
                  "projections; leave --as-shipped or --backward out",
                  setup.old->id()));
}

void try_to_make(const OldSide& old, const Case& axes, Workbench& bench) {
  const ProjectedInputs* projected = bench.projected(axes);
  const NamedTensors layers = projected != nullptr ? named_layers(projected->layers()) : NamedTensors{};
  (void)old.make(bench.problem(axes), static_cast<int>(axes.ranks), layers);
}

}  // namespace

CompareSetup set_up_compare(const CompareOptions& options, Workbench& bench) {
  CompareSetup setup;
  setup.with_projection = options.with_projection;
  if (!options.old_config.empty())
    setup.old_config = load_old_config(options.legacy, options.old_config, options.as_shipped);
  setup.resolved = resolve(options, setup.old_config);
  setup.old = old_side(options, setup.resolved.preset.config, setup.old_config);
  setup.projection = projection_of(options, setup.old.get());
  check_backward(options, setup);
  bench.project(setup.projection);
  bench.use(setup.resolved.preset.config.device);
  bench.fit_workload(setup.resolved);
  check_sizes(setup.old_config, setup.resolved.preset.workload, options.as_shipped);
  setup.candidate =
      resolve_implementation(options.candidate.empty() ? setup.resolved.preset.implementation : options.candidate);
  setup.config = variant_config(setup.candidate, new_config(options, setup.resolved, setup.old.get()));
  if (!options.accept.empty()) setup.accepted = load_accept(options.accept);
  setup.cases = expand(setup.resolved.preset.workload);
  setup.warnings = note_what_won(setup.old_config, setup.resolved.provenance);
  for (std::string& warning : check(options, setup)) setup.warnings.push_back(std::move(warning));
  // What the released class knew nothing of is refused before anything runs.
  if (options.as_shipped)
    for (const Case& axes : setup.cases) try_to_make(*setup.old, axes, bench);
  return setup;
}

Report begin_compare_report(const CompareOptions& options, const CompareSetup& setup) {
  Report report = begin_report("compare", options.shared, setup.resolved);
  ResolvedRecord& resolved = report.resolved;
  resolved.config = to_json(setup.config);
  resolved.legacy = setup.old != nullptr ? setup.old->id() : "oracle";
  resolved.as_shipped = options.as_shipped;
  resolved.candidate = setup.candidate;
  resolved.new_config = to_word(options.new_config.kind);
  describe_inputs(resolved, options.inputs, options.run.seed);
  resolved.projection = setup.projection;
  resolved.with_projection = options.with_projection;
  resolved.old_config = setup.old_config.source;
  resolved.old_parameters = setup.old_config.parameters;
  resolved.rtol = options.rtol.value_or(Tolerance{}.rtol);
  resolved.atol = options.atol.value_or(Tolerance{}.atol);
  resolved.timing_pairs = timing_pairs(options.pairs, options.no_time, options.workload.preset_is_default);
  resolved.warmup = options.no_time ? 0 : TimingOptions{}.warmups;
  report.warnings = setup.warnings;
  return report;
}

}  // namespace ringattn
