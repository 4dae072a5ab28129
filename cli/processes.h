#pragma once

#include "cli/options.h"
#include "cli/terminal.h"
#include "comm/process_group.h"

#include <functional>
#include <memory>

namespace ringattn {

/// Runs a verb as one of the processes that a launcher has started (comm/process_place.h), each of them a rank; alone,
/// with a null group, where none has. Rank 0 speaks, the others say nothing but errors. Returns rank 0's exit code on
/// all of them. An error of one is the end of all: RuntimeFailure names it, and where every process throws the same
/// UsageError or Unavailable, rank 0 alone says so.
int on_processes(const SharedOptions& shared, const LongRunOptions& run, Terminal& terminal,
                 const std::function<int(const std::shared_ptr<ProcessGroup>& processes)>& verb);

}  // namespace ringattn
