#include "cli/gate_options.h"

#include "cli/gate_worker.h"
#include "cli/verbs.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace ringattn {
namespace {

void check(const GateOptions& options) {
  if (options.no_time && !options.against.empty())
    throw UsageError("--against: only times are compared with another build, and nothing is timed with --no-time");
  if (options.update_baseline && !options.against.empty())
    throw UsageError("--update-baseline: times against another build are no baseline; leave --against out");
  if (options.update_baseline && options.strict)
    throw UsageError("--strict: with --update-baseline nothing is held to the baseline; leave one of them out");
  if (options.backward && !options.no_time)
    throw UsageError("--backward: times are gated of forward alone; give --no-time too");
}

void add_comparison(CLI::App& verb, GateOptions& options) {
  add_text(verb, "--baseline", options.baseline, "DIR|FILE",
           "baselines: a folder, or the file of deterministic entries (default: results/baselines)");
  add_text(verb, "--against", options.against, "BINARY",
           "compare times with another build of ringattn, interleaved in one run");
  add_switch(
      verb, "--backward", options.backward,
      "gate forward and backward as one: gradients, their traffic and memory, with baseline entries of their own");
  add_switch(verb, "--update-baseline", options.update_baseline, "show what changes in the baseline, and write it");
  add_switch(verb, "--allow-new", options.allow_new, "a case without a baseline entry is no error");
  add_switch(verb, "--strict", options.strict,
             "fail on improvements until the baseline is updated; exit 5 where times are unsure");
}

}  // namespace

void add_gate(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<GateOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("gate", "did it get worse: values, bytes, messages, memory growth, time");
  add_comparison(*verb, *options);
  add_workload(*verb, options->workload);
  add_integer(
      *verb, "--pairs", [o = options.get()](std::int64_t n) { o->pairs = n; }, 7, 10'001,
      "interleaved pairs of a run; 31 where times have spikes (default: 21)");
  add_switch(*verb, "--no-time", options->no_time, "time nothing: values, bytes, messages and memory growth only");
  add_text(*verb, "--junit", options->junit, "FILE", "write the checks as JUnit XML");
  add_text(*verb, "--resume", options->resume, "FILE", "go on from the report of an interrupted run");
  verb->add_flag("--serve", options->serve)->group("");  // for another build's --against; people have no use for it
  add_long_run(*verb, options->run);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    if (options->serve) {
      invocation = {options->shared.color,
                    [options](Terminal&) { return serve_gate(stdin, stdout, options->run.timeout); }};
      return;
    }
    check(*options);
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_gate(*options, terminal); }};
  });
}

}  // namespace ringattn
