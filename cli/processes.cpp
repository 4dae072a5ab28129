#include "cli/processes.h"

#include "cli/exit_code.h"
#include "comm/process_join.h"
#include "comm/process_place.h"
#include "config/error.h"

#include <fmt/format.h>

#include <exception>
#include <optional>

namespace ringattn {
namespace {

/// What rank 0 says, having failed in the same way or heard of this, need not be said again.
int told_by_first(const ProcessGroup& group, ExitCode code) {
  if (group.rank() == 0) throw;
  return code;
}

int run_as_rank(ProcessGroup& group, const std::function<int()>& verb) {
  try {
    return static_cast<int>(group.of_first(verb()));
  } catch (const UsageError& error) {
    group.fail(error.what());
    return told_by_first(group, exit_usage);
  } catch (const Unavailable& error) {
    group.fail(error.what());
    return told_by_first(group, exit_unavailable);
  } catch (const std::exception& error) {
    group.fail(error.what());
    throw;
  }
}

}  // namespace

int on_processes(const SharedOptions& shared, const LongRunOptions& run, Terminal& terminal,
                 const std::function<int(const std::shared_ptr<ProcessGroup>& processes)>& verb) {
  const std::optional<ProcessPlace> place = process_place(shared.env.launcher);
  if (!place) return verb(nullptr);
  const auto group = std::make_shared<ProcessGroup>(join_processes(*place, {.deadline = run.timeout}), run.timeout);
  if (group->rank() > 0) terminal.silence();
  if (!run.quiet)
    terminal.note(fmt::format("{} processes ({}), each a rank; rows go over {}", group->size(), place->launcher,
                              group->carrier()));
  return run_as_rank(*group, [&] { return verb(group); });
}

}  // namespace ringattn
