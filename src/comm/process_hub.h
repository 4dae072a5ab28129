#pragma once

#include "comm/communicator.h"
#include "comm/process_alarm.h"
#include "comm/process_links.h"
#include "comm/row_runs.h"

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace ringattn {

struct ProcessExchange;

/// What one process has under way with its peers. A posted send goes out at once; of the receives of one link and
/// channel the first takes the next message, and the transport writes it straight into the rows while the rank
/// computes. Rows that lie apart are packed and unpacked by the rank. Nothing can be called back from a transport: a
/// ticket that is dropped before its waits ends the run on all ranks. After an error all waits end with it, for good.
class ProcessHub : public std::enable_shared_from_this<ProcessHub> {
 public:
  /// How long a wait lasts: as the deadline says, or as long as the peers live.
  enum class Patience { deadline, life };

  /// `deadline`: of signs of life, and of waits until a run says otherwise.
  ProcessHub(std::unique_ptr<ProcessLinks> links, std::chrono::milliseconds deadline);
  ~ProcessHub();
  ProcessHub(const ProcessHub&) = delete;
  ProcessHub& operator=(const ProcessHub&) = delete;

  /// Listens to the peers. Once, before all else.
  void start();
  const ProcessLinks& links() const { return *links_; }

  Ticket post(Exchange exchange, bool is_counted = true);
  void wait_received(const Ticket& ticket);
  void wait_sent(const Ticket& ticket);
  /// Of the first `members` processes, which all call it with the same `what`.
  std::vector<std::int64_t> all_gather_value(int members, std::int64_t value, const std::string& what,
                                             Patience patience);
  /// Ends every wait of every process with this error.
  void fail(const std::string& reason);
  /// Throws the error that broke the group, if one did.
  void check() const;

  /// The state before a run.
  void begin_run(std::chrono::milliseconds deadline);
  void set_recovery(const RecoveryPolicy& policy);
  void set_subject(std::string subject) { alarm_.set_subject(std::move(subject)); }
  Traffic traffic() const;
  void reset_traffic();

  /// Takes leave of the peers and ends all connections. Where the group is sound it waits until all take leave.
  void leave();

 private:
  friend struct ProcessExchange;
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  /// One message, at this end. The transport holds its memory while it is in flight.
  struct Transfer {
    Message message{};
    int hop = 0;
    bool is_counted = true;
    bool is_in_flight = false;
    bool is_done = false;
    ByteBuffer packed{};                    ///< of a send whose rows lie apart
    std::optional<PieceTargets> targets{};  ///< of a receive
  };
  using TransferPtr = std::shared_ptr<Transfer>;
  /// The receives of one channel of one link, in the order of posting; at most one message is being taken.
  struct Lane {
    std::deque<TransferPtr> queue{};
    bool is_busy = false;
  };
  struct Note {
    std::string what{};
    std::int64_t value = 0;
  };

  Lane& lane(int peer, Channel channel) {
    return lanes_[static_cast<std::size_t>(peer)][channel == Channel::keys ? 0 : 1];
  }
  void hear(int peer, const std::string& error, const std::string& note);
  void hear_value(int peer, const std::string& note);
  void ring();
  void copy_own(const Exchange& exchange) const;
  void send(int peer, Channel channel, const TransferPtr& transfer);
  void take_next(int peer, Channel channel);
  void take(int peer, Channel channel, const ProcessLinks::Incoming& incoming);
  void end_take(int peer, Channel channel, const TransferPtr& transfer, const std::string& error);
  std::string mismatch(const Transfer& expected, const std::string& head) const;
  void count(int from, const Transfer& transfer);
  void withdraw(ProcessExchange& exchange);
  void wait(Lock& lock, Patience patience, const std::function<bool()>& done, const std::function<int()>& awaited,
            const std::string& complaint);
  void throw_cause(Lock& lock) const;
  ProcessExchange& checked(const Ticket& ticket) const;
  std::chrono::milliseconds deadline() const { return recovery_.watchdog.value_or(deadline_); }

  const std::unique_ptr<ProcessLinks> links_;
  const int rank_;
  const std::chrono::milliseconds base_deadline_;
  mutable std::mutex mutex_;
  mutable std::condition_variable bell_;
  std::chrono::milliseconds deadline_;  ///< of this run's waits
  RecoveryPolicy recovery_{};
  std::vector<std::array<Lane, 2>> lanes_;
  std::vector<std::deque<Note>> values_;  ///< per peer, heard and not yet asked for
  std::vector<bool> has_left_;            ///< per peer
  std::map<std::tuple<int, int, int>, TrafficRecord> traffic_;
  bool is_closed_ = false;
  ProcessAlarm alarm_;
};

}  // namespace ringattn
