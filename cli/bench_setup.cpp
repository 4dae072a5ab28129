#include "cli/bench_setup.h"

#include "cli/bench_project.h"
#include "config/config_json.h"
#include "config/error.h"
#include "measure/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace ringattn {
namespace {

std::vector<std::vector<Case>> groups_of(const std::vector<Case>& cases) {
  std::vector<std::vector<Case>> groups;
  for (const Case& c : cases) {
    Case any = c;
    any.ranks = groups.empty() ? 0 : groups.back().front().ranks;
    if (groups.empty() || !(any == groups.back().front())) groups.emplace_back();
    groups.back().push_back(c);
  }
  return groups;
}

/// The case in which two functions are compared at the least cost.
const Case& smallest(const std::vector<Case>& cases) {
  const auto size = [](const Case& c) { return std::tuple(c.seq_len, c.heads, c.is_causal, c.ranks); };
  return *std::min_element(cases.begin(), cases.end(), [&](const Case& a, const Case& b) { return size(a) < size(b); });
}

/// Refuses what cannot run here; returns what the user should know about the rest.
std::vector<std::string> check(const BenchOptions& options, const Preset& preset, const Contenders& contenders,
                               const std::vector<Case>& cases, Workbench& bench) {
  std::vector<std::string> warnings =
      check_configuration(preset.config, preset.workload.ranks, options.inputs.is_training);
  const Case& axes = smallest(cases);
  for (std::string& warning :
       contenders.function_warnings(axes, bench.problem(axes), options.no_time ? "counts" : "times"))
    warnings.push_back(std::move(warning));
  return warnings;
}

/// Refuses --backward where one of the implementations has none.
void check_backward(const BenchOptions& options, const Contenders& contenders, const Case& axes, Workbench& bench) {
  if (!options.backward) return;
  if (options.project.is_wanted())
    throw UsageError("--backward: forward alone is foretold; leave --project and --calibrate out");
  for (const std::string& name : contenders.names()) {
    const Contender contender = contenders.make(name, axes, bench.problem(axes));
    const std::string why = contender.attention->why_no_backward();
    if (!why.empty()) throw Unavailable(fmt::format("--backward: {}: {}", name, why));
  }
}

/// The rehearsal that was asked for; the workload's ranks become its K.
std::optional<RehearsalPlan> rehearsal_of(const BenchOptions& options, Resolved& resolved) {
  if (!options.rehearse) return std::nullopt;
  const std::int64_t world_size = options.rehearse->world_size;
  for (const Provenance& p : resolved.provenance) {
    const bool is_asked = p.field == "/workload/ranks" && p.source == Source::command_line;
    if (is_asked && resolved.preset.workload.ranks != std::vector{world_size})
      throw UsageError(
          fmt::format("ranks: {} asks for {}, --rehearse for {}; leave the axis out", p.origin, p.value, world_size));
  }
  if (!options.inputs.projection.empty() && options.inputs.projection != "none")
    throw UsageError("--rehearse: rehearses attentions without projections; leave --projection out");
  resolved.preset.workload.ranks = {world_size};
  return RehearsalPlan{*options.rehearse, parse_link(options.link, options.shared.env),
                       options.contention.value_or(1.0)};
}

}  // namespace

BenchSetup set_up_bench(const BenchOptions& options, Workbench& bench) {
  Resolved resolved = options.workload.resolve(options.shared.env);
  std::optional<RehearsalPlan> rehearsal = rehearsal_of(options, resolved);
  if (options.project.is_wanted() && resolved.preset.config.device == Device::cuda)
    throw Unavailable("device: cuda cannot be projected: rates are measured on the CPU alone; use auto or cpu");
  bench.use(resolved.preset.config.device);
  bench.fit_workload(resolved);
  const Preset& preset = resolved.preset;
  const std::vector<std::string> names =
      options.implementations.empty() ? std::vector{preset.implementation} : options.implementations;
  Contenders contenders(names, preset.config);
  std::vector<Case> cases = expand(preset.workload);
  check_projection(options.project, options.shared.env, cases);
  check_backward(options, contenders, smallest(cases), bench);
  std::vector<std::string> warnings = check(options, preset, contenders, cases, bench);
  std::vector<std::vector<Case>> groups = groups_of(cases);
  return {std::move(resolved), std::move(contenders), std::move(cases),
          std::move(groups),   std::move(warnings),   std::move(rehearsal)};
}

Report begin_bench_report(const BenchOptions& options, const BenchSetup& setup) {
  Report report = begin_report("bench", options.shared, setup.resolved);
  report.resolved.candidate = fmt::format("{}", fmt::join(setup.contenders.names(), ", "));
  describe_inputs(report.resolved, options.inputs, options.run.seed);
  report.resolved.timing_pairs = timing_pairs(options.pairs, options.no_time, options.workload.preset_is_default);
  report.resolved.warmup = options.no_time ? 0 : TimingOptions{}.warmups;
  if (setup.rehearsal) report.resolved.rehearse = to_string(*setup.rehearsal);
  report.warnings = setup.warnings;
  return report;
}

}  // namespace ringattn
