#pragma once

#include "comm/communicator.h"
#include "comm/run_slots.h"
#include "comm/world.h"

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace ringattn {

struct HubExchange;

/// Where the rank threads of one World meet. A sender leaves an offer (where its blocks lie) in the mailbox of the
/// link; the receiving thread copies straight from the sender's memory into its own and marks the offer taken.
///   offered ──receiver──▶ copying ──▶ taken          offered ──ticket dropped──▶ withdrawn
/// With a mover the receiving thread queues the copy instead, and an offer is taken when that is done: each end's later
/// work then follows the copy (`follow`).
/// One mutex guards all state and is never held during a copy; each rank sleeps on its own condition variable, nobody
/// spins.
class ExchangeHub : public std::enable_shared_from_this<ExchangeHub> {
 public:
  ExchangeHub(int world_size, WorldOptions options);

  Ticket post(int rank, Exchange exchange);
  void wait_received(int rank, const Ticket& ticket);
  void wait_sent(int rank, const Ticket& ticket);
  std::vector<std::int64_t> all_gather_value(int rank, std::int64_t value, const char* what);
  /// Ends every wait of this run with an error. The first abort counts; true if that was this rank's.
  bool abort(int rank, const std::string& reason);

  /// For the waits and messages of `rank` from now on, until the next run.
  void set_recovery(int rank, const RecoveryPolicy& policy);
  FaultCount faults(int rank) const;

  /// What every rank holds while it runs; a wait gives it back meanwhile.
  RunSlots& slots() { return slots_; }

  /// Empties the mailboxes and clears an abort: the state before a run. Tickets of earlier runs become invalid.
  void reset();
  /// The abort of this run, or the first message that nobody received, as an error text; empty when all is well.
  std::string complaint() const;
  Traffic traffic() const;
  void reset_traffic();

 private:
  friend struct HubExchange;
  using Lock = std::unique_lock<std::mutex>;

  enum class OfferState { offered, copying, taken, withdrawn };
  struct Offer {
    Message message;
    int hop = 0;
    OfferState state = OfferState::offered;
    RowMover::Mark ready{};  ///< with a mover: when the rows lie ready, and when they have been copied
    RowMover::Mark copied{};
    bool is_of_failure = false;  ///< withdrawn because its rank fails: the error is that rank's, and on its way
  };
  struct Receive {
    Message message;
    std::int64_t sequence = 0;
    bool done = false;
    RowMover::Mark ready{};  ///< with a mover: when its memory may be written, and when it has been
    RowMover::Mark copied{};
  };
  /// One channel of a directed link. Offers and receives are numbered in the order of posting; equal numbers match.
  struct Mailbox {
    std::int64_t offers_posted = 0;
    std::int64_t receives_posted = 0;
    std::map<std::int64_t, std::shared_ptr<Offer>> offers;
  };

  Ticket publish(int rank, Exchange exchange);
  HubExchange& checked(int rank, const Ticket& ticket) const;
  Mailbox& mailbox(int from, int to, Channel channel) {
    const std::size_t link =
        static_cast<std::size_t>(from) * static_cast<std::size_t>(world_size_) + static_cast<std::size_t>(to);
    return mailboxes_[link][channel == Channel::keys ? 0 : 1];
  }
  std::condition_variable& bell(int rank) { return *bells_[static_cast<std::size_t>(rank)]; }
  void ring_all();
  void wait(int rank, Lock& lock, const std::function<bool()>& done, const std::function<std::string()>& what);
  bool take_one(int rank, Lock& lock);
  bool has_one(int rank);
  Receive* ready_receive(int rank, HubExchange*& exchange);
  void take(int rank, HubExchange& exchange, Receive& receive, const std::shared_ptr<Offer>& offer, Lock& lock);
  void check_match(int rank, int hop, const Receive& receive, const Offer& offer, Lock& lock);
  /// Throws the error of a message that its sender took back: the sender's own, where it fails.
  [[noreturn]] void refuse_withdrawn(int rank, int hop, int peer, const Offer& offer, Lock& lock);
  [[noreturn]] void throw_aborted(int rank) const;
  /// Tries until the message has arrived or the rank's attempts are spent. Throws with the lock held.
  std::int64_t copy_with_retries(int rank, int hop, Receive& receive, Offer& offer, Lock& lock);
  void back_off(int rank, std::chrono::nanoseconds delay, Lock& lock);
  std::int64_t copy(int rank, Receive& receive, Offer& offer, std::int64_t attempt);
  void follow(const RowMover::Mark& point) const;
  void withdraw_all(int rank, Lock& lock);
  void withdraw(HubExchange& exchange, Lock& lock, bool is_of_failure);
  void remove(HubExchange& exchange);

  const int world_size_;
  const WorldOptions options_;
  RunSlots slots_;
  mutable std::mutex mutex_;
  std::mutex observer_mutex_;
  std::vector<std::unique_ptr<std::condition_variable>> bells_;  ///< one per rank
  std::vector<std::array<Mailbox, 2>> mailboxes_;                ///< one per directed link and channel
  std::vector<std::vector<HubExchange*>> posted_;  ///< per rank, in order of posting, as long as the ticket lives
  std::map<std::tuple<int, int, int>, TrafficRecord> traffic_;
  std::int64_t epoch_ = 0;                ///< counts runs
  std::vector<RecoveryPolicy> recovery_;  ///< per rank
  std::vector<FaultCount> faults_;        ///< per rank

  std::vector<std::int64_t> gathering_;
  std::vector<bool> arrived_;
  std::vector<std::int64_t> gathered_;
  std::int64_t gather_round_ = 0;

  int abort_rank_ = -1;
  std::string abort_reason_;
};

}  // namespace ringattn
