#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ringattn {

/// Rows in memory: `rows` runs of `row_bytes` contiguous bytes, `row_stride_bytes` apart. A tensor slice of one batch
/// index and a head range is one Block; nothing needs packing before it is sent.
struct Block {
  std::byte* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t row_stride_bytes = 0;
  std::int64_t row_bytes = 0;
  std::int64_t bytes() const { return rows * row_bytes; }
};

/// The blocks that go to, or come from, one peer in one hop. Both ends list rows in the same order with the same
/// row_bytes sequence; where a run is cut into blocks may differ between the ends.
struct Message {
  int peer = -1;
  std::vector<Block> blocks;
  std::int64_t bytes() const;
};

/// Exchanges of different channels are matched apart from each other, so that each channel may run ahead of the other
/// by as many hops as a rank likes.
enum class Channel { keys, gradients };

/// One hop of one rank: everything that leaves and arrives at the same time.
struct Exchange {
  int hop = 0;
  Channel channel = Channel::keys;
  std::vector<Message> sends;
  std::vector<Message> receives;
};

/// The hop under which all_gather is counted.
inline constexpr int all_gather_hop = -1;

/// What one directed link carried in one hop, counted from the bytes that were copied.
struct TrafficRecord {
  int from = 0;
  int to = 0;
  int hop = 0;
  std::int64_t bytes = 0;
  std::int64_t messages = 0;
};

/// Records are sorted by (from, to, hop), one per link and hop.
struct Traffic {
  std::vector<TrafficRecord> records;
  std::int64_t sent_bytes(int rank) const;
  std::int64_t received_bytes(int rank) const;
  std::int64_t messages(int rank) const;  ///< messages sent by the rank
};

/// A posted exchange. Send memory must stay unchanged until `wait_sent`, receive memory untouched until
/// `wait_received`; both must live as long as the ticket. Dropping a ticket before its waits (an exception unwinds)
/// withdraws what has not been taken yet.
struct PendingExchange {
  virtual ~PendingExchange() = default;
};
using Ticket = std::shared_ptr<PendingExchange>;

/// What a rank may do with its peers. Every wait has a deadline; a rank that fails aborts all others. Errors are
/// RuntimeFailure and name the rank first. One thread per Communicator. Any wait may complete receives posted earlier,
/// so waits may be called in any order without deadlock. Implementations override the do_ functions; the public ones
/// check arguments once, for all.
class Communicator {
 public:
  Communicator(int rank, int world_size) : rank_(rank), world_size_(world_size) {}
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int world_size() const { return world_size_; }

  /// Starts a hop (>= 0) and returns at once. Messages of one channel between two ranks are matched in the order of
  /// posting; `hop` and the sequence of row sizes must agree.
  Ticket post(Exchange exchange);
  /// Returns when everything that the hop receives has arrived.
  void wait_received(const Ticket& ticket);
  /// Returns when the memory that the hop sends may be written again.
  void wait_sent(const Ticket& ticket);

  /// Gathers one block from each rank: `gathered[j]` receives rank j's `own`. Collective; sizes may differ between
  /// ranks. Sends world_size - 1 messages of own.bytes() per rank, counted as hop `all_gather_hop`. `gathered[rank()]`
  /// may be `own` itself.
  void all_gather(const Block& own, std::span<const Block> gathered);
  /// Gathers a small number from each rank. Control traffic: not counted.
  std::vector<std::int64_t> all_gather_value(std::int64_t value);
  void barrier();

  /// How long the rank stood in wait_received, wait_sent and all_gather so far, in nanoseconds: for a peer, for rows,
  /// or copying them itself. Barriers and all_gather_value don't count.
  std::int64_t waited_ns() const { return waited_ns_; }

  /// Makes every wait on every rank end with the same error.
  void abort(const std::string& reason);

 private:
  virtual Ticket do_post(Exchange exchange) = 0;
  virtual void do_wait_received(const Ticket& ticket) = 0;
  virtual void do_wait_sent(const Ticket& ticket) = 0;
  virtual std::vector<std::int64_t> do_all_gather_value(std::int64_t value) = 0;
  virtual void do_barrier() = 0;
  virtual void do_abort(const std::string& reason) = 0;

  int rank_;
  int world_size_;
  std::int64_t waited_ns_ = 0;
};

}  // namespace ringattn
