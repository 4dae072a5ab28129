#include "cli/bench_setup.h"

#include "config/config_json.h"
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

}  // namespace

BenchSetup set_up_bench(const BenchOptions& options, Workbench& bench) {
  Resolved resolved = options.workload.resolve(options.shared.env);
  bench.fit_workload(resolved);
  const Preset& preset = resolved.preset;
  const std::vector<std::string> names =
      options.implementations.empty() ? std::vector{preset.implementation} : options.implementations;
  Contenders contenders(names, preset.config);
  std::vector<Case> cases = expand(preset.workload);
  std::vector<std::string> warnings = check(options, preset, contenders, cases, bench);
  std::vector<std::vector<Case>> groups = groups_of(cases);
  return {std::move(resolved), std::move(contenders), std::move(cases), std::move(groups), std::move(warnings)};
}

Report begin_bench_report(const BenchOptions& options, const BenchSetup& setup) {
  Report report = begin_report("bench", options.shared, setup.resolved);
  report.resolved.candidate = fmt::format("{}", fmt::join(setup.contenders.names(), ", "));
  describe_inputs(report.resolved, options.inputs, options.run.seed);
  report.resolved.timing_pairs = timing_pairs(options.pairs, options.no_time, options.workload.preset_is_default);
  report.resolved.warmup = options.no_time ? 0 : TimingOptions{}.warmups;
  report.warnings = setup.warnings;
  return report;
}

}  // namespace ringattn
