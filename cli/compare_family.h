#pragma once

#include "cli/compare_options.h"
#include "cli/terminal.h"

namespace ringattn {

/// `compare --old all`, or a glob: every entry against the configuration that preserves it, untimed, as one migration
/// table. Entries with the same function and configuration are run once. Entries that cannot be run are rows with the
/// reason. Exit code 0 where every case that ran matches.
int run_compare_family(const CompareOptions& options, Terminal& terminal);

}  // namespace ringattn
