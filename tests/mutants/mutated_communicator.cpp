#include "tests/mutants/mutated_communicator.h"

#include <utility>

namespace ringattn::mutants {

struct MutatedCommunicator::Posted final : PendingExchange {
  Ticket real;
  Exchange exchange;
};

bool MutatedCommunicator::is_mutated(const Exchange& exchange) const {
  // Exchanges of derivatives are counted behind those of keys (GradientReturns::counted_hop).
  const int hop = exchange.channel == Channel::gradients ? exchange.hop - world_size() : exchange.hop;
  return exchange.channel == scene_.mutant().channel && scene_.is_in_hop(hop);
}

Ticket MutatedCommunicator::do_post(Exchange exchange) {
  auto posted = std::make_shared<Posted>();
  posted->exchange = exchange;
  if (is_mutated(exchange)) scene_.act(scene_.mutant().post, exchange);
  posted->real = real_.post(std::move(exchange));
  return posted;
}

void MutatedCommunicator::do_wait_received(const Ticket& ticket) {
  const auto posted = std::static_pointer_cast<Posted>(ticket);
  Exchange& exchange = posted->exchange;
  if (exchange.channel == Channel::keys) scene_.enter_hop(exchange.hop);
  real_.wait_received(posted->real);
  if (is_mutated(exchange) && !exchange.receives.empty()) scene_.act(scene_.mutant().arrived, exchange);
}

void MutatedCommunicator::do_wait_sent(const Ticket& ticket) {
  real_.wait_sent(std::static_pointer_cast<Posted>(ticket)->real);
}

}  // namespace ringattn::mutants
