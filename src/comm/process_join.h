#pragma once

#include "comm/process_links.h"
#include "comm/process_place.h"

#include <chrono>
#include <memory>

namespace ringattn {

struct JoinOptions {
  std::chrono::milliseconds deadline{30'000};  ///< until all processes are connected with one another
  bool reads_memory = true;                    ///< rows may be read from a peer's memory on the same host
};

/// Meets the other processes at rank 0's address (c10d's TCPStore) and connects with each of them. Each listens at one
/// address, that of the named interface or of the one towards rank 0, until all are connected; who cannot say the
/// token that the store holds for this listener is not let in. Afterwards nobody listens any more. SIGPIPE is ignored
/// from now on. RuntimeFailure names the ranks that have not come; UsageError an interface or address that is none.
std::unique_ptr<ProcessLinks> join_processes(const ProcessPlace& place, const JoinOptions& options = {});

}  // namespace ringattn
