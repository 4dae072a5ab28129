#include "cli/plan_options.h"

#include "cli/verbs.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

namespace ringattn {
namespace {

constexpr std::int64_t ranks_max = 65'536;

void check(const PlanOptions& options) {
  if (options.ranks && options.rank && *options.rank >= *options.ranks) {
    throw UsageError("--rank: must be below --ranks " + std::to_string(*options.ranks) + " (got " +
                     std::to_string(*options.rank) + ")");
  }
}

}  // namespace

void add_plan(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<PlanOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("plan", "what each rank will do and what it costs, without running it");
  add_workload(*verb, options->workload);
  add_integer(
      *verb, "--ranks", [o = options.get()](std::int64_t n) { o->ranks = n; }, 1, ranks_max,
      "world size instead of the workload's");
  add_integer(
      *verb, "--rank", [o = options.get()](std::int64_t n) { o->rank = n; }, 0, ranks_max - 1,
      "the steps of this rank alone");
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    check(*options);
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_plan(*options, terminal); }};
  });
}

}  // namespace ringattn
