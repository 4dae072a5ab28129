#include "comm/observed_communicator.h"

#include <algorithm>
#include <utility>

namespace ringattn {
namespace {

std::int64_t bytes_of(const std::vector<Message>& messages) {
  std::int64_t total = 0;
  for (const Message& message : messages) total += message.bytes();
  return total;
}

/// Messages to itself are copies, no traffic.
std::int64_t count_of(const std::vector<Message>& messages, int rank) {
  return std::count_if(messages.begin(), messages.end(), [rank](const Message& m) { return m.peer != rank; });
}

}  // namespace

ObservedCommunicator::ObservedCommunicator(Communicator& inner, RingCommunicationStats& stats, TraceLog* trace)
    : Communicator(inner.rank(), inner.world_size()),
      inner_(inner),
      stats_(stats),
      trace_(trace),
      faults_before_(inner.faults()) {}

ObservedCommunicator::~ObservedCommunicator() {
  const FaultCount now = inner_.faults();
  stats_.failed_sends += now.failed_sends - faults_before_.failed_sends;
  stats_.failed_recvs += now.failed_receives - faults_before_.failed_receives;
  stats_.retry_attempts += now.retry_attempts - faults_before_.retry_attempts;
  stats_.retry_successes += now.retry_successes - faults_before_.retry_successes;
}

Ticket ObservedCommunicator::do_post(Exchange exchange) {
  Flight flight{.hop = exchange.hop,
                .posted_ns = steady_now_ns(),
                .sends = count_of(exchange.sends, rank()),
                .sent_bytes = bytes_of(exchange.sends),
                .receives = count_of(exchange.receives, rank()),
                .received_bytes = bytes_of(exchange.receives)};
  Ticket ticket;
  {
    const TraceSpan span(trace_, "post", "communication", flight.hop, flight.sent_bytes);
    ticket = forward_post(inner_, std::move(exchange));
  }
  flights_.insert_or_assign(ticket.get(), flight);
  return ticket;
}

void ObservedCommunicator::do_wait_received(const Ticket& ticket) {
  const std::int64_t begin = steady_now_ns();
  {
    const auto flight = flights_.find(ticket.get());
    const TraceSpan span(flight == flights_.end() || flight->second.receives == 0 ? nullptr : trace_, "wait for rows",
                         "communication", flight == flights_.end() ? 0 : flight->second.hop,
                         flight == flights_.end() ? 0 : flight->second.received_bytes);
    inner_.wait_received(ticket);
  }
  land(ticket, true, begin);
}

void ObservedCommunicator::do_wait_sent(const Ticket& ticket) {
  const std::int64_t begin = steady_now_ns();
  inner_.wait_sent(ticket);
  land(ticket, false, begin);
}

void ObservedCommunicator::land(const Ticket& ticket, bool has_arrived, std::int64_t wait_begin_ns) {
  const std::int64_t now = steady_now_ns();
  stats_.exposed_ns += now - wait_begin_ns;
  const auto found = flights_.find(ticket.get());
  if (found == flights_.end()) return;  // waited for again
  Flight& flight = found->second;
  flight.waited_ns += now - wait_begin_ns;
  if (has_arrived && !flight.has_arrived) {
    flight.has_arrived = true;
    stats_.total_recvs += flight.receives;
    stats_.total_bytes_received += flight.received_bytes;
  } else if (!has_arrived && !flight.has_left) {
    flight.has_left = true;
    stats_.total_sends += flight.sends;
    stats_.total_bytes_sent += flight.sent_bytes;
  }
  // The hop is over, as far as this rank goes by it, when its rows have arrived, or left where none arrive.
  const bool ends_here = has_arrived == (flight.receives > 0);
  if (ends_here && flight.sends + flight.receives > 0) {
    const std::int64_t time = now - flight.posted_ns;
    stats_.add_hop(time);
    stats_.hidden_ns += std::max<std::int64_t>(0, time - flight.waited_ns);
  }
  if (flight.has_arrived && flight.has_left) flights_.erase(found);
}

}  // namespace ringattn
