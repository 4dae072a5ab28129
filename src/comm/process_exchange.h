#pragma once

#include "comm/communicator.h"
#include "comm/process_hub.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// One posted exchange; its destructor makes sure that no transport touches the memory any more.
struct ProcessExchange final : PendingExchange {
  ProcessExchange(std::shared_ptr<ProcessHub> its_hub, const Exchange& exchange)
      : hub(std::move(its_hub)), hop(exchange.hop), channel(exchange.channel) {}
  ~ProcessExchange() override { hub->withdraw(*this); }
  ProcessExchange(const ProcessExchange&) = delete;
  ProcessExchange& operator=(const ProcessExchange&) = delete;

  const std::shared_ptr<ProcessHub> hub;
  const int hop;
  const Channel channel;
  std::vector<std::shared_ptr<ProcessHub::Transfer>> sends;
  std::vector<std::shared_ptr<ProcessHub::Transfer>> receives;
};

/// Where a rank is that is about this hop: "hop 5", "all_gather".
std::string place_of(int hop);

}  // namespace ringattn
