#pragma once

#include "cli/bench_setup.h"
#include "cli/project_options.h"
#include "cli/run_log.h"
#include "cli/terminal.h"

namespace ringattn {

/// After everything has run: foretells the time of each case that was measured or rehearsed from this machine's rates,
/// adds the cases of --project as rows marked priced, and fills the report's predictions. Does nothing where neither
/// --project nor --calibrate was given, or after Ctrl-C. UsageError for a network that lacks what a case needs.
void project_bench(const BenchOptions& options, const BenchSetup& setup, Workbench& bench, RunLog& log,
                   Terminal& terminal);

/// UsageError before anything runs: an unknown network, a dtype without a rate, numbers of ranks that are run as well.
void check_projection(const ProjectOptions& options, const Env& env, const std::vector<Case>& cases);

}  // namespace ringattn
