#pragma once

#include "cli/terminal.h"

#include <string>
#include <vector>

namespace ringattn {

/// The command without its --launch N, in either spelling.
std::vector<std::string> without_launch(const std::vector<std::string>& command);

/// `--launch N`: runs the command as N processes of this host, which meet at a port of 127.0.0.1 that is theirs from
/// the start, and waits for them. SIGINT, SIGTERM and SIGHUP go on to all of them; who outlives a failed one by half a
/// minute is ended; they end with this process, however it ends. Returns rank 0's exit code, or exit_broken where a
/// rank ended otherwise. `command` is argv.
int launch(int processes, const std::vector<std::string>& command, Terminal& terminal);

}  // namespace ringattn
