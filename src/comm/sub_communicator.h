#pragma once

#include "comm/communicator.h"

#include <vector>

namespace ringattn {

/// Some ranks of a world as a world of their own: member i is its rank i. Messages go straight to the parent's; traffic
/// and errors of the transport are counted and named there. A collective call (all_gather_value, barrier) is one of the
/// parent's whole world, of which each group takes its own part: so the groups must part the world among them, and all
/// make the same calls in the same order. The parent must outlive it.
class SubCommunicator final : public Communicator {
 public:
  /// `members`: ranks of the parent, each once, this rank's own among them; else UsageError.
  SubCommunicator(Communicator& parent, std::vector<int> members);

  const std::vector<int>& members() const { return members_; }

 private:
  Ticket do_post(Exchange exchange) override;
  void do_wait_received(const Ticket& ticket) override { parent_.wait_received(ticket); }
  void do_wait_sent(const Ticket& ticket) override { parent_.wait_sent(ticket); }
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override;
  void do_barrier() override { parent_.barrier(); }
  void do_abort(const std::string& reason) override { parent_.abort(reason); }
  void do_set_recovery(const RecoveryPolicy& policy) override { parent_.set_recovery(policy); }
  FaultCount do_faults() const override { return parent_.faults(); }

  Communicator& parent_;
  std::vector<int> members_;
};

/// The ranks of `rank`'s group where `world_size` ranks form groups of `size` neighbours, or, `is_strided`, of every
/// (world_size / size)-th rank. `size` must divide world_size.
std::vector<int> group_of(int rank, int world_size, int size, bool is_strided);

}  // namespace ringattn
