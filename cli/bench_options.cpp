#include "cli/bench_options.h"

#include "cli/verbs.h"
#include "config/error.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

void check(const BenchOptions& options) {
  check(options.inputs);
  check(options.workload);
  check(options.project);
  const std::vector<std::string>& list = options.implementations;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].empty()) throw UsageError("--impl: a name is missing between commas");
    const bool seen = std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]) !=
                      list.begin() + static_cast<std::ptrdiff_t>(i);
    if (seen) throw UsageError("--impl: \"" + list[i] + "\" is given twice");
  }
  if (!options.rehearse && options.link != "none")
    throw UsageError("--link: is of a rehearsal; give --rehearse RANK/K too");
  if (options.contention && !options.rehearse)
    throw UsageError("--contention: is of a rehearsal; give --rehearse RANK/K too");
  if (options.contention && *options.contention < 1.0)
    throw UsageError(fmt::format("--contention: must be at least 1, such as 1.08 (got {})", *options.contention));
  if (options.no_time && options.pairs)
    throw UsageError("--pairs: nothing is timed with --no-time; leave one of them out");
}

}  // namespace

void add_bench(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<BenchOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("bench", "how time, peak bytes and sent bytes scale");
  verb->add_option("--impl", options->implementations,
                   "implementations, comma-separated, old or new, standard@dense with a pattern of its own; the first "
                   "is the reference (default: the preset's)")
      ->type_name("NEW|OLD")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->take_all()
      ->envname(environment_twin("--impl"));
  add_workload(*verb, options->workload);
  add_deterministic_only(*verb, options->workload);
  add_switch(*verb, "--backward", options->backward,
             "run backward after forward: bytes, messages and time are of both");
  add_inputs(*verb, options->inputs);
  add_integer(
      *verb, "--pairs", [o = options.get()](std::int64_t n) { o->pairs = n; }, 1, 10'001,
      "timed pairs a case (default: 21; 7 without --preset)");
  add_switch(*verb, "--no-time", options->no_time, "time nothing: bytes and messages only");
  add_duration(*verb, "--time-budget", options->time_budget,
               "begin no case after this time; the rest is listed as skipped (default: 5m)");
  const auto rehearse = [o = options.get()](const std::string& text) { o->rehearse = parse_rehearsed_ranks(text); };
  verb->add_option_function<std::string>("--rehearse", rehearse,
                                         "run one rank of K alone, or one after another, its peers' rows made here")
      ->type_name("RANK/K|all/K")
      ->envname(environment_twin("--rehearse"));
  add_text(*verb, "--link", options->link, "NAME|GBps,us",
           "wires of a rehearsal, such as nvlink4 or 25,5 (default: none, no limit)");
  add_tolerance(*verb, "--contention", options->contention,
                "a rehearsal's kernels take this many times as long while rows are under way (default: 1)");
  add_text(*verb, "--resume", options->resume, "FILE", "go on from the report of an interrupted run");
  add_projection(*verb, options->project);
  add_long_run(*verb, options->run);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    check(*options);
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_bench(*options, terminal); }, true};
  });
}

}  // namespace ringattn
