#pragma once

#include "comm/process_links.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ringattn {

class ProcessHub;

/// The processes of one run, each a rank, connected with one another. All run the same program with the same arguments,
/// and make the calls marked "collective" in the same order; what only one of them can know (a clock, a signal, a
/// verdict on results that rank 0 alone has) is asked through these. Errors are RuntimeFailure, the same in every
/// process: "rank 3 gone at hop 5 of case …; seen by rank 2"; after one the group is broken for good.
class ProcessGroup {
 public:
  /// `deadline`: a peer that gives no sign of life for half of it is given up.
  ProcessGroup(std::unique_ptr<ProcessLinks> links, std::chrono::milliseconds deadline);
  /// Leaves: waits, within the deadline, until all others leave too.
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const;
  int size() const;
  /// How many of the first `members` processes run on this one's host.
  int on_this_host(int members) const;
  /// What carries rows to the peers: "cma", "tcp", or "cma, tcp" where both do.
  std::string carrier() const;

  /// What is being done, for errors: "case n=4096_…".
  void set_subject(std::string subject);
  /// Collective. Waits as long as the peers live.
  bool any_of(bool here);
  /// Collective: rank 0's value. Waits as long as the peers live.
  std::int64_t of_first(std::int64_t here);
  /// Collective for the first `members` processes; others return at once. Rank 0 gets what each of them gave, the
  /// others nothing.
  std::vector<std::vector<std::byte>> gather(int members, std::span<const std::byte> own);
  /// Ends every wait of every process with this error.
  void fail(const std::string& reason);

  const std::shared_ptr<ProcessHub>& hub() const { return hub_; }

 private:
  const std::shared_ptr<ProcessHub> hub_;
};

}  // namespace ringattn
