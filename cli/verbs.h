#pragma once

#include "cli/bench_options.h"
#include "cli/compare_options.h"
#include "cli/completion.h"
#include "cli/doctor.h"
#include "cli/explain.h"
#include "cli/gate_options.h"
#include "cli/list.h"
#include "cli/migrate.h"
#include "cli/plan_options.h"
#include "cli/replay.h"
#include "cli/report.h"
#include "cli/terminal.h"

namespace ringattn {

// The verbs. Each returns an exit code (exit_code.h), writes its result to terminal.result and everything else to
// terminal.note or terminal.warn, and throws UsageError, Unavailable, RuntimeFailure or Interrupted where it cannot
// answer.

int run_compare(const CompareOptions& options, Terminal& terminal);
int run_bench(const BenchOptions& options, Terminal& terminal);
int run_gate(const GateOptions& options, Terminal& terminal);
int run_report(const ReportOptions& options, Terminal& terminal);
int run_plan(const PlanOptions& options, Terminal& terminal);
int run_replay(const ReplayOptions& options, Terminal& terminal);
int run_migrate(const MigrateOptions& options, Terminal& terminal);
int run_explain(const ExplainOptions& options, Terminal& terminal);
int run_list(const ListOptions& options, Terminal& terminal);
int run_doctor(const DoctorOptions& options, Terminal& terminal);
int run_completion(const CompletionOptions& options, Terminal& terminal);

}  // namespace ringattn
