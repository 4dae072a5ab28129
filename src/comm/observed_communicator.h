#pragma once

#include "comm/communicator.h"
#include "comm/ring_statistics.h"
#include "comm/trace.h"

#include <cstdint>
#include <map>

namespace ringattn {

/// Stands before another communicator and counts what the rank sends, receives and waits for. What it counts is in
/// `stats` when it is gone. Costs two readings of the clock for each post and wait.
class ObservedCommunicator final : public Communicator {
 public:
  /// `trace` may be null. All must outlive the object.
  ObservedCommunicator(Communicator& inner, RingCommunicationStats& stats, TraceLog* trace);
  ~ObservedCommunicator() override;

 private:
  /// One posted exchange until its rows have arrived and left.
  struct Flight {
    int hop = 0;
    std::int64_t posted_ns = 0;
    std::int64_t waited_ns = 0;
    std::int64_t sends = 0, sent_bytes = 0;
    std::int64_t receives = 0, received_bytes = 0;
    bool has_arrived = false;
    bool has_left = false;
  };

  Ticket do_post(Exchange exchange) override;
  void do_wait_received(const Ticket& ticket) override;
  void do_wait_sent(const Ticket& ticket) override;
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override { return inner_.all_gather_value(value); }
  void do_barrier() override { inner_.barrier(); }
  void do_abort(const std::string& reason) override { inner_.abort(reason); }
  void do_set_recovery(const RecoveryPolicy& policy) override { inner_.set_recovery(policy); }
  FaultCount do_faults() const override { return inner_.faults(); }

  void land(const Ticket& ticket, bool has_arrived, std::int64_t wait_begin_ns);

  Communicator& inner_;
  RingCommunicationStats& stats_;
  TraceLog* trace_;
  FaultCount faults_before_;
  std::map<const PendingExchange*, Flight> flights_;
};

}  // namespace ringattn
