#include "comm/rehearsed_communicator.h"

#include "comm/row_copy.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

namespace ringattn {
namespace {

constexpr std::size_t kSinkBytes = std::size_t{1} << 20;

std::int64_t nanoseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

std::int64_t bytes_of(const std::vector<Message>& messages) {
  std::int64_t bytes = 0;
  for (const Message& message : messages) bytes += message.bytes();
  return bytes;
}

/// Writes zeros to every row; returns the bytes.
std::int64_t clear_rows(const std::vector<Block>& blocks) {
  std::int64_t bytes = 0;
  for (const Block& block : blocks) {
    for (std::int64_t row = 0; row < block.rows; ++row)
      std::memset(block.data + row * block.row_stride_bytes, 0, static_cast<std::size_t>(block.row_bytes));
    bytes += block.bytes();
  }
  return bytes;
}

/// Messages of one direction, one after another; those of a rank to itself need no link.
std::chrono::nanoseconds modelled(const Link& link, const std::vector<Message>& messages, int rank) {
  std::int64_t total = 0;
  for (const Message& message : messages) total += message.peer == rank ? 0 : transfer_ns(link, message.bytes());
  return std::chrono::nanoseconds(total);
}

}  // namespace

std::int64_t contention_ns(std::int64_t compute_ns, std::int64_t in_flight_ns, double factor) {
  const double lost_computing = (factor - 1.0) * static_cast<double>(compute_ns);
  const double lost_in_flight = (1.0 - 1.0 / factor) * static_cast<double>(in_flight_ns);
  return static_cast<std::int64_t>(std::max(0.0, std::min(lost_computing, lost_in_flight)));
}

struct RehearsedCommunicator::Hop {
  Exchange exchange;
  Clock::time_point posted;
  Clock::time_point received_at{};  ///< no earlier, says the model
  Clock::time_point sent_at{};
  std::chrono::nanoseconds in_flight{0};  ///< of the incoming transfer, from `posted` on
  bool received = false;
  bool sent = false;
  bool contended = false;    ///< its kernels have been slowed
  RowMover::Mark arrived{};  ///< with a mover
};

/// The memory of a hop belongs to whoever holds the ticket: dropping it waits until the deliverer is done with it.
struct RehearsedCommunicator::Posted final : PendingExchange {
  Posted(RehearsedCommunicator& owner, std::shared_ptr<Hop> hop) : owner(owner), hop(std::move(hop)) {}
  ~Posted() override { owner.withdraw(hop); }
  Posted(const Posted&) = delete;
  Posted& operator=(const Posted&) = delete;
  RehearsedCommunicator& owner;
  std::shared_ptr<Hop> hop;
};

RehearsedCommunicator::RehearsedCommunicator(int rank, int world_size, std::shared_ptr<RehearsedPeers> peers,
                                             RehearsalModel model)
    : Communicator(rank, world_size), peers_(std::move(peers)), model_(std::move(model)), sink_(kSinkBytes) {
  if (model_.mover)
    (void)model_.mover->take_followed_ns();  // of runs before
  else
    deliverer_ = std::thread([this] { deliver(); });
}

RehearsedCommunicator::~RehearsedCommunicator() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  bell_.notify_all();
  if (deliverer_.joinable()) deliverer_.join();
}

Ticket RehearsedCommunicator::do_post(Exchange exchange) {
  auto hop = std::make_shared<Hop>();
  hop->exchange = std::move(exchange);
  hop->posted = Clock::now();
  if (model_.mover) {
    queue_delivery(*hop);
    return std::make_shared<Posted>(*this, hop);
  }
  const std::scoped_lock lock(mutex_);
  const Clock::time_point begin = std::max(hop->posted, incoming_free_);
  const auto incoming = modelled(model_.link, hop->exchange.receives, rank());
  hop->received_at = begin + incoming;
  hop->in_flight = hop->received_at - hop->posted;
  incoming_free_ = hop->received_at;
  spent_.transfer_ns += incoming.count();
  hop->sent_at = std::max(hop->posted, outgoing_free_) + modelled(model_.link, hop->exchange.sends, rank());
  outgoing_free_ = hop->sent_at;
  queue_.push_back(hop);
  bell_.notify_all();
  return std::make_shared<Posted>(*this, hop);
}

void RehearsedCommunicator::queue_delivery(Hop& hop) {
  const int number = hop.exchange.hop;
  for (const Message& message : hop.exchange.receives) {
    const std::vector<Block> rows = rows_of(hop, message);
    const std::chrono::nanoseconds link_time(message.peer == rank() ? 0 : transfer_ns(model_.link, message.bytes()));
    hop.arrived = model_.mover->move_over_link(rows, message.blocks, model_.mover->mark(), link_time);
    count(message.peer, rank(), number, message.bytes());
    spent_.transfer_ns += link_time.count();
  }
  for (const Message& message : hop.exchange.sends) count(rank(), message.peer, number, message.bytes());
  hop.received = hop.sent = true;
}

void RehearsedCommunicator::withdraw(const std::shared_ptr<Hop>& hop) {
  std::unique_lock lock(mutex_);
  if (std::erase(queue_, hop) > 0) return;
  bell_.wait(lock, [&] { return hop->sent; });
}

void RehearsedCommunicator::fail(std::exception_ptr error) {
  if (!failure_) failure_ = std::move(error);
}

void RehearsedCommunicator::deliver() {
  std::unique_lock lock(mutex_);
  while (true) {
    bell_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (ending_) return;
    const std::shared_ptr<Hop> hop = queue_.front();
    queue_.pop_front();
    lock.unlock();
    std::exception_ptr error;
    try {
      deliver(*hop);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error) fail(error);
    hop->received = hop->sent = true;
    bell_.notify_all();
  }
}

void RehearsedCommunicator::deliver(Hop& hop) {
  receive(hop);
  {
    const std::scoped_lock lock(mutex_);
    hop.received = true;
  }
  bell_.notify_all();
  send(hop);
}

/// What the message's peer sends.
std::vector<Block> RehearsedCommunicator::rows_of(const Hop& hop, const Message& message) const {
  const int number = hop.exchange.hop;
  const std::vector<Message>& sends = hop.exchange.sends;
  const std::span<const Block> own = number == all_gather_hop && !sends.empty()
                                         ? std::span<const Block>(sends.front().blocks)
                                         : std::span<const Block>();
  if (message.peer == rank()) return sends.front().blocks;  // an all_gather sends every peer, and itself, the same
  std::vector<Block> rows = peers_->message(number, message.peer, own);
  if (!same_rows(rows, message.blocks))
    throw RuntimeFailure(fmt::format("rank {}: rehearsed hop {}: rank {} would send other rows than are received",
                                     rank(), number, message.peer));
  return rows;
}

void RehearsedCommunicator::receive(Hop& hop) {
  for (const Message& message : hop.exchange.receives) {
    const std::int64_t bytes = hop.exchange.channel == Channel::gradients
                                   ? clear_rows(message.blocks)
                                   : copy_rows(rows_of(hop, message), message.blocks);
    count(message.peer, rank(), hop.exchange.hop, bytes);
  }
}

/// Reads every byte that leaves, as a copy engine would, and keeps none.
void RehearsedCommunicator::send(Hop& hop) {
  for (const Message& message : hop.exchange.sends) {
    std::int64_t bytes = 0;
    for (const Block& block : message.blocks) {
      for (std::int64_t row = 0; row < block.rows; ++row) {
        const std::byte* from = block.data + row * block.row_stride_bytes;
        for (std::int64_t done = 0; done < block.row_bytes; done += static_cast<std::int64_t>(kSinkBytes)) {
          const auto part = static_cast<std::size_t>(
              std::min<std::int64_t>(static_cast<std::int64_t>(kSinkBytes), block.row_bytes - done));
          std::memcpy(sink_.data(), from + done, part);
        }
      }
      bytes += block.bytes();
    }
    count(rank(), message.peer, hop.exchange.hop, bytes);
  }
}

void RehearsedCommunicator::count(int from, int to, int hop, std::int64_t bytes) {
  if (from == to) return;
  const std::scoped_lock lock(mutex_);
  TrafficRecord& record = traffic_[{{from, to}, hop}];
  record.from = from, record.to = to, record.hop = hop;
  record.bytes += bytes;
  ++record.messages;
}

/// What the kernels since the post lose to the transfer, once for each hop.
void RehearsedCommunicator::slow_kernels(Hop& hop) {
  if (hop.contended || hop.exchange.receives.empty()) return;
  hop.contended = true;
  const std::int64_t lost =
      contention_ns(nanoseconds(Clock::now() - hop.posted), hop.in_flight.count(), model_.contention);
  if (lost == 0) return;
  std::this_thread::sleep_for(std::chrono::nanoseconds(lost));
  const std::scoped_lock lock(mutex_);
  spent_.contention_ns += lost;
}

void RehearsedCommunicator::wait_until(Hop& hop, bool Hop::*done, Clock::time_point Hop::*release, const char* what) {
  slow_kernels(hop);
  const Clock::time_point begin = Clock::now();
  std::unique_lock lock(mutex_);
  const Clock::time_point deadline = std::max(begin, hop.*release) + model_.timeout;
  const bool in_time = bell_.wait_until(lock, deadline, [&] { return failure_ || hop.*done; });
  if (failure_) std::rethrow_exception(failure_);
  if (!in_time)
    throw RuntimeFailure(fmt::format(
        "rank {}: hop {}: {} bytes to be {} were not within {} ms", rank(), hop.exchange.hop,
        bytes_of(done == &Hop::received ? hop.exchange.receives : hop.exchange.sends), what, model_.timeout.count()));
  lock.unlock();
  std::this_thread::sleep_until(hop.*release);
  lock.lock();
  spent_.exposed_ns += nanoseconds(Clock::now() - begin);
}

void RehearsedCommunicator::do_wait_received(const Ticket& ticket) {
  if (model_.mover) return model_.mover->follow(static_cast<Posted&>(*ticket).hop->arrived);
  wait_until(*static_cast<Posted&>(*ticket).hop, &Hop::received, &Hop::received_at, "received");
}

void RehearsedCommunicator::do_wait_sent(const Ticket& ticket) {
  if (model_.mover) return;
  wait_until(*static_cast<Posted&>(*ticket).hop, &Hop::sent, &Hop::sent_at, "sent");
}

std::vector<std::int64_t> RehearsedCommunicator::do_all_gather_value(std::int64_t value) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(world_size()), value);
}

void RehearsedCommunicator::do_abort(const std::string& reason) {
  const std::scoped_lock lock(mutex_);
  fail(std::make_exception_ptr(RuntimeFailure(fmt::format("rank {}: {}", rank(), reason))));
  bell_.notify_all();
}

Traffic RehearsedCommunicator::traffic() const {
  const std::scoped_lock lock(mutex_);
  Traffic traffic;
  for (const auto& [link, record] : traffic_) traffic.records.push_back(record);
  return traffic;
}

RehearsalClock RehearsedCommunicator::clock() const {
  const std::scoped_lock lock(mutex_);
  RehearsalClock spent = spent_;
  if (model_.mover) spent.exposed_ns = model_.mover->take_followed_ns();
  return spent;
}

}  // namespace ringattn
