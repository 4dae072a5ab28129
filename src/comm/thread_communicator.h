#pragma once

#include "comm/communicator.h"
#include "comm/exchange_hub.h"

#include <memory>

namespace ringattn {

/// A rank that is a thread of this process: its peers are the other threads of the same hub, a send costs one copy by
/// the receiver.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(int rank, int world_size, std::shared_ptr<ExchangeHub> hub)
      : Communicator(rank, world_size), hub_(std::move(hub)) {}

 private:
  Ticket do_post(Exchange exchange) override { return hub_->post(rank(), std::move(exchange)); }
  void do_wait_received(const Ticket& ticket) override { hub_->wait_received(rank(), ticket); }
  void do_wait_sent(const Ticket& ticket) override { hub_->wait_sent(rank(), ticket); }
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override {
    return hub_->all_gather_value(rank(), value, "all_gather_value");
  }
  void do_barrier() override { hub_->all_gather_value(rank(), 0, "barrier"); }
  void do_abort(const std::string& reason) override { hub_->abort(rank(), reason); }

  std::shared_ptr<ExchangeHub> hub_;
};

}  // namespace ringattn
