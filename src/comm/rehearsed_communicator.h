#pragma once

#include "comm/communicator.h"
#include "comm/row_mover.h"
#include "config/link.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ringattn {

/// What the peers of a rehearsed rank send: rows that they would have, made here.
class RehearsedPeers {
 public:
  virtual ~RehearsedPeers() = default;
  /// The rows that `peer` sends in `hop`, in the receiver's order and of its row sizes; under all_gather_hop, what it
  /// gives where this rank gives `own`. The memory stays as it is until the next call. Called on the deliverer's
  /// thread.
  virtual std::vector<Block> message(int hop, int peer, std::span<const Block> own) = 0;
};

/// How a rehearsed rank's world behaves.
struct RehearsalModel {
  Link link{};
  /// Kernels take this many times as long while a transfer is in flight.
  double contention = 1.0;
  std::chrono::milliseconds timeout{30'000};  ///< of a wait, beyond what the link model itself takes
  /// Delivers, where the rows lie on a device: queued when a hop is posted, over a link of its own; the deliverer's
  /// thread has nothing to do then, and what is sent is counted, not read. It knows no contention: 1.0.
  std::shared_ptr<RowMover> mover{};
};

/// What a rehearsed rank's waits and transfers came to.
struct RehearsalClock {
  std::int64_t exposed_ns = 0;     ///< stood waiting for rows, or for rows to have left
  std::int64_t contention_ns = 0;  ///< added to its kernels
  std::int64_t transfer_ns = 0;    ///< the incoming link was busy
};

/// Time that kernels lose to a transfer: they computed for `compute_ns` from the moment it was posted, and for
/// `in_flight_ns` of them it is in flight. While it is, work goes at 1/F of the speed:
///   lost = min((F - 1)·compute, (1 - 1/F)·in_flight)
std::int64_t contention_ns(std::int64_t compute_ns, std::int64_t in_flight_ns, double factor);

/// One rank of k without the others: its plan, its sends and its receives are real, its peers are not. A thread of its
/// own delivers: it gets the rows from RehearsedPeers, copies them into the receive blocks, and reads what is sent, as
/// a copy engine would. A wait returns no earlier than the model allows: transfers of one direction follow one another,
///   begin = max(posted, end of the one before)      end = begin + latency + bytes / bandwidth
/// and the two directions don't hinder each other. Where the deliverer itself is slower than the model, the wait lasts
/// until it has finished: so have RehearsedPeers hold its rows ready when time is taken. Traffic is counted from the
/// bytes that were copied. A value that ranks exchange is taken to be the same on all of them. Derivatives arrive as
/// zeros: no peer has computed any. An error of RehearsedPeers is rethrown by the next wait.
class RehearsedCommunicator final : public Communicator {
 public:
  RehearsedCommunicator(int rank, int world_size, std::shared_ptr<RehearsedPeers> peers, RehearsalModel model);
  ~RehearsedCommunicator() override;

  Traffic traffic() const;
  RehearsalClock clock() const;  ///< with a mover: waits for the work

 private:
  struct Hop;
  struct Posted;
  using Clock = std::chrono::steady_clock;

  Ticket do_post(Exchange exchange) override;
  void do_wait_received(const Ticket& ticket) override;
  void do_wait_sent(const Ticket& ticket) override;
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override;
  void do_barrier() override {}
  void do_abort(const std::string& reason) override;

  void queue_delivery(Hop& hop);
  void deliver();
  void deliver(Hop& hop);
  std::vector<Block> rows_of(const Hop& hop, const Message& message) const;
  void receive(Hop& hop);
  void send(Hop& hop);
  void count(int from, int to, int hop, std::int64_t bytes);
  void withdraw(const std::shared_ptr<Hop>& hop);
  void fail(std::exception_ptr error);
  void wait_until(Hop& hop, bool Hop::*done, Clock::time_point Hop::*release, const char* what);
  void slow_kernels(Hop& hop);

  const std::shared_ptr<RehearsedPeers> peers_;
  const RehearsalModel model_;
  mutable std::mutex mutex_;
  std::condition_variable bell_;
  std::deque<std::shared_ptr<Hop>> queue_;
  bool ending_ = false;
  std::exception_ptr failure_;
  Clock::time_point incoming_free_{};
  Clock::time_point outgoing_free_{};
  RehearsalClock spent_;
  std::map<std::pair<std::pair<int, int>, int>, TrafficRecord> traffic_;
  std::vector<std::byte> sink_;
  std::thread deliverer_;
};

}  // namespace ringattn
