#pragma once

#include "comm/communicator.h"
#include "comm/process_hub.h"

#include <chrono>
#include <memory>
#include <utility>

namespace ringattn {

/// A rank that is a process: its peers are the other processes of the same group.
class ProcessCommunicator final : public Communicator {
 public:
  ProcessCommunicator(int rank, int world_size, std::shared_ptr<ProcessHub> hub)
      : Communicator(rank, world_size), hub_(std::move(hub)) {}

 private:
  Ticket do_post(Exchange exchange) override { return hub_->post(std::move(exchange)); }
  void do_wait_received(const Ticket& ticket) override { hub_->wait_received(ticket); }
  void do_wait_sent(const Ticket& ticket) override { hub_->wait_sent(ticket); }
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override {
    return hub_->all_gather_value(world_size(), value, "all_gather_value", ProcessHub::Patience::deadline);
  }
  void do_barrier() override { hub_->all_gather_value(world_size(), 0, "barrier", ProcessHub::Patience::deadline); }
  void do_abort(const std::string& reason) override { hub_->fail(reason); }
  void do_set_recovery(const RecoveryPolicy& policy) override { hub_->set_recovery(policy); }

  std::shared_ptr<ProcessHub> hub_;
};

}  // namespace ringattn
