#include "comm/exchange_hub.h"

#include "comm/row_copy.h"
#include "comm/words.h"
#include "config/error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

constexpr double kLongestPauseNs = 86'400e9;  // a day

std::string receive_name(int rank, int peer, int hop) {
  const std::string where = hop == all_gather_hop ? " in all_gather" : " at hop " + std::to_string(hop);
  return rank_name(rank) + ": receive from rank " + std::to_string(peer) + where;
}

std::string send_name(int rank, int peer, int hop) {
  const std::string where = hop == all_gather_hop ? " in all_gather" : " at hop " + std::to_string(hop);
  return rank_name(rank) + ": send to rank " + std::to_string(peer) + where;
}

}  // namespace

/// One rank's posted exchange; its destructor takes back what nobody has fetched, so that no peer reads freed memory.
struct HubExchange final : PendingExchange {
  HubExchange(std::shared_ptr<ExchangeHub> its_hub, int its_rank, const Exchange& exchange, std::int64_t its_epoch)
      : hub(std::move(its_hub)), rank(its_rank), hop(exchange.hop), channel(exchange.channel), epoch(its_epoch) {}
  ~HubExchange() override {
    ExchangeHub::Lock lock(hub->mutex_);
    hub->withdraw(*this, lock, std::uncaught_exceptions() > 0);
    hub->remove(*this);
    lock.unlock();
    follow_copies();
  }
  HubExchange(const HubExchange&) = delete;
  HubExchange& operator=(const HubExchange&) = delete;

  /// Copies that are still queued must be over before the memory serves anything else.
  void follow_copies() const noexcept {
    try {
      for (const auto& offer : offers) hub->follow(offer->copied);
      for (const auto& receive : receives) hub->follow(receive.copied);
    } catch (...) {  // the device has failed: its next use says so
    }
  }

  const std::shared_ptr<ExchangeHub> hub;
  const int rank;
  const int hop;
  const Channel channel;
  const std::int64_t epoch;
  std::vector<std::shared_ptr<ExchangeHub::Offer>> offers;
  std::vector<ExchangeHub::Receive> receives;
};

ExchangeHub::ExchangeHub(int world_size, WorldOptions options)
    : world_size_(world_size),
      options_(std::move(options)),
      slots_(options_.run_slots),
      mailboxes_(static_cast<std::size_t>(world_size) * static_cast<std::size_t>(world_size)),
      posted_(static_cast<std::size_t>(world_size)),
      recovery_(static_cast<std::size_t>(world_size)),
      faults_(static_cast<std::size_t>(world_size)),
      gathering_(static_cast<std::size_t>(world_size)),
      arrived_(static_cast<std::size_t>(world_size)) {
  for (int rank = 0; rank < world_size; ++rank) bells_.push_back(std::make_unique<std::condition_variable>());
}

Ticket ExchangeHub::post(int rank, Exchange exchange) {
  Ticket ticket = publish(rank, std::move(exchange));
  if (options_.mover) {  // the sooner a copy is queued, the more of it is hidden
    Lock lock(mutex_);
    while (take_one(rank, lock)) {
    }
  }
  return ticket;
}

Ticket ExchangeHub::publish(int rank, Exchange exchange) {
  const RowMover::Mark ready = options_.mover ? options_.mover->mark() : nullptr;
  const Lock lock(mutex_);
  auto pending = std::make_shared<HubExchange>(shared_from_this(), rank, exchange, epoch_);
  for (Message& message : exchange.receives) {
    Mailbox& box = mailbox(message.peer, rank, exchange.channel);
    pending->receives.push_back({std::move(message), box.receives_posted++, false, ready, {}});
  }
  for (Message& message : exchange.sends) {
    const int peer = message.peer;
    auto offer = std::make_shared<Offer>(Offer{std::move(message), exchange.hop, OfferState::offered, ready, {}});
    Mailbox& box = mailbox(rank, peer, exchange.channel);
    box.offers.emplace(box.offers_posted++, offer);
    pending->offers.push_back(std::move(offer));
    bell(peer).notify_all();
  }
  posted_[static_cast<std::size_t>(rank)].push_back(pending.get());
  return pending;
}

void ExchangeHub::wait_received(int rank, const Ticket& ticket) {
  HubExchange& exchange = checked(rank, ticket);
  const auto missing = [&] {
    return std::find_if(exchange.receives.begin(), exchange.receives.end(), [](const Receive& r) { return !r.done; });
  };
  Lock lock(mutex_);
  wait(
      rank, lock, [&] { return missing() == exchange.receives.end(); },
      [&] { return receive_name(rank, missing()->message.peer, exchange.hop); });
  lock.unlock();
  for (const Receive& receive : exchange.receives) follow(receive.copied);
}

void ExchangeHub::wait_sent(int rank, const Ticket& ticket) {
  HubExchange& exchange = checked(rank, ticket);
  const auto missing = [&] {
    return std::find_if(exchange.offers.begin(), exchange.offers.end(),
                        [](const auto& offer) { return offer->state != OfferState::taken; });
  };
  Lock lock(mutex_);
  wait(
      rank, lock, [&] { return missing() == exchange.offers.end(); },
      [&] { return send_name(rank, (*missing())->message.peer, exchange.hop); });
  lock.unlock();
  for (const auto& offer : exchange.offers) follow(offer->copied);
}

void ExchangeHub::follow(const RowMover::Mark& point) const {
  if (options_.mover && point) options_.mover->follow(point);
}

std::vector<std::int64_t> ExchangeHub::all_gather_value(int rank, std::int64_t value, const char* what) {
  Lock lock(mutex_);
  gathering_[static_cast<std::size_t>(rank)] = value;
  arrived_[static_cast<std::size_t>(rank)] = true;
  if (std::find(arrived_.begin(), arrived_.end(), false) == arrived_.end() && abort_rank_ < 0) {
    gathered_ = gathering_;
    arrived_.assign(arrived_.size(), false);
    ++gather_round_;
    ring_all();
    return gathered_;
  }
  // The next round can't complete, and overwrite `gathered_`, before this rank has left.
  const std::int64_t round = gather_round_;
  wait(
      rank, lock, [&] { return gather_round_ != round; },
      [&] {
        std::string absent;
        for (int peer = 0; peer < world_size_; ++peer) {
          if (!arrived_[static_cast<std::size_t>(peer)]) absent += (absent.empty() ? "" : ", ") + std::to_string(peer);
        }
        return rank_name(rank) + ": " + what + " (without rank " + absent + ")";
      });
  return gathered_;
}

bool ExchangeHub::abort(int rank, const std::string& reason) {
  const Lock lock(mutex_);
  if (abort_rank_ >= 0) return abort_rank_ == rank;
  abort_rank_ = rank;
  abort_reason_ = reason;
  ring_all();
  return true;
}

/// Sleeps until `done`. While waiting it serves every receive that this rank has posted, not only those that it waits
/// for: two ranks that both wait to get rid of something would wait for ever otherwise.
void ExchangeHub::wait(int rank, Lock& lock, const std::function<bool()>& done,
                       const std::function<std::string()>& what) {
  const std::optional<std::chrono::milliseconds> watchdog = recovery_[static_cast<std::size_t>(rank)].watchdog;
  const std::chrono::milliseconds timeout = watchdog.value_or(options_.timeout);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    if (abort_rank_ >= 0) {
      withdraw_all(rank, lock);
      throw_aborted(rank);
    }
    if (done()) return;
    if (take_one(rank, lock)) continue;
    if (std::chrono::steady_clock::now() >= deadline) {
      const std::string message = what() + " timed out after " + text(timeout) + (watchdog ? " (watchdog)" : "");
      withdraw_all(rank, lock);
      throw RuntimeFailure(message);
    }
    slots_.release();
    bell(rank).wait_until(lock, deadline, [&] { return abort_rank_ >= 0 || done() || has_one(rank); });
    lock.unlock();
    slots_.acquire();
    lock.lock();
  }
}

/// The first receive of this rank whose message lies ready, with its exchange; nullptr when there is none.
ExchangeHub::Receive* ExchangeHub::ready_receive(int rank, HubExchange*& its_exchange) {
  for (HubExchange* exchange : posted_[static_cast<std::size_t>(rank)]) {
    if (exchange->epoch != epoch_) continue;
    for (Receive& receive : exchange->receives) {
      if (receive.done || !mailbox(receive.message.peer, rank, exchange->channel).offers.contains(receive.sequence))
        continue;
      its_exchange = exchange;
      return &receive;
    }
  }
  return nullptr;
}

bool ExchangeHub::has_one(int rank) {
  HubExchange* exchange = nullptr;
  return ready_receive(rank, exchange) != nullptr;
}

/// Copies one message that is ready for this rank, if there is one.
bool ExchangeHub::take_one(int rank, Lock& lock) {
  HubExchange* exchange = nullptr;
  Receive* receive = ready_receive(rank, exchange);
  if (receive == nullptr) return false;
  const std::shared_ptr<Offer> offer =
      mailbox(receive->message.peer, rank, exchange->channel).offers.at(receive->sequence);
  take(rank, *exchange, *receive, offer, lock);
  return true;
}

void ExchangeHub::take(int rank, HubExchange& exchange, Receive& receive, const std::shared_ptr<Offer>& offer,
                       Lock& lock) {
  check_match(rank, exchange.hop, receive, *offer, lock);
  const int peer = receive.message.peer;
  offer->state = OfferState::copying;
  std::int64_t bytes = 0;
  std::exception_ptr error;
  try {
    bytes = copy_with_retries(rank, exchange.hop, receive, *offer, lock);
  } catch (const TransferFault&) {
    offer->state = OfferState::withdrawn;  // it has not arrived, and won't
    bell(peer).notify_all();
    throw;
  } catch (...) {
    if (offer->state == OfferState::withdrawn) throw;  // by its sender
    // The observer's; the sender must be released all the same.
    error = std::current_exception();
  }
  offer->state = OfferState::taken;
  receive.done = true;
  mailbox(peer, rank, exchange.channel).offers.erase(receive.sequence);
  if (peer != rank) {
    TrafficRecord& record =
        traffic_.try_emplace({peer, rank, offer->hop}, TrafficRecord{peer, rank, offer->hop, 0, 0}).first->second;
    record.bytes += bytes;
    ++record.messages;
  }
  bell(peer).notify_all();
  if (error) std::rethrow_exception(error);
}

void ExchangeHub::throw_aborted(int rank) const {
  throw RuntimeFailure(rank_name(rank) + ": aborted by rank " + std::to_string(abort_rank_) + ": " + abort_reason_);
}

void ExchangeHub::refuse_withdrawn(int rank, int hop, int peer, const Offer& offer, Lock& lock) {
  if (offer.is_of_failure) {
    slots_.release();
    bell(rank).wait_for(lock, options_.timeout, [&] { return abort_rank_ >= 0; });
    lock.unlock();
    slots_.acquire();
    lock.lock();
    if (abort_rank_ >= 0) throw_aborted(rank);
  }
  throw RuntimeFailure(receive_name(rank, peer, hop) + ": rank " + std::to_string(peer) + " withdrew its message");
}

void ExchangeHub::check_match(int rank, int hop, const Receive& receive, const Offer& offer, Lock& lock) {
  const int peer = receive.message.peer;
  const std::string name = receive_name(rank, peer, hop);
  if (offer.state == OfferState::withdrawn) refuse_withdrawn(rank, hop, peer, offer, lock);
  if (offer.hop == hop && same_rows(offer.message.blocks, receive.message.blocks)) return;
  throw RuntimeFailure(name + ": rank " + std::to_string(peer) + " sends " + std::to_string(offer.message.bytes()) +
                       " bytes at hop " + std::to_string(offer.hop) + ", rank " + std::to_string(rank) + " expects " +
                       std::to_string(receive.message.bytes()) + " bytes at hop " + std::to_string(hop) +
                       "; both must name the same hop and the same row sizes");
}

std::int64_t ExchangeHub::copy_with_retries(int rank, int hop, Receive& receive, Offer& offer, Lock& lock) {
  const int peer = receive.message.peer;
  const RecoveryPolicy policy = recovery_[static_cast<std::size_t>(rank)];
  FaultCount& own = faults_[static_cast<std::size_t>(rank)];
  for (std::int64_t attempt = 1;; ++attempt) {
    std::int64_t bytes = 0;
    std::exception_ptr error;
    std::string fault;
    lock.unlock();
    try {
      bytes = copy(rank, receive, offer, attempt);
    } catch (const TransferFault& failed) {
      fault = failed.what();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error) std::rethrow_exception(error);
    if (fault.empty()) {
      if (attempt > 1) ++own.retry_successes;
      return bytes;
    }
    ++own.failed_receives;
    ++faults_[static_cast<std::size_t>(peer)].failed_sends;
    if (attempt >= policy.attempts || abort_rank_ >= 0)
      throw TransferFault(receive_name(rank, peer, hop) + " failed: " + fault +
                          "; attempts: " + std::to_string(attempt) + " of " + std::to_string(policy.attempts));
    ++own.retry_attempts;
    offer.state = OfferState::offered;  // a sender that unwinds need not wait for the end of the pause
    bell(peer).notify_all();
    const double delay_ns = static_cast<double>(policy.retry_delay.count()) *
                            std::ldexp(1.0, static_cast<int>(std::min<std::int64_t>(attempt, 64)) - 1);
    back_off(rank, std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(delay_ns, kLongestPauseNs))), lock);
    if (offer.state == OfferState::withdrawn) refuse_withdrawn(rank, hop, peer, offer, lock);
    offer.state = OfferState::copying;
  }
}

void ExchangeHub::back_off(int rank, std::chrono::nanoseconds delay, Lock& lock) {
  if (delay.count() <= 0) return;
  const auto end = std::chrono::steady_clock::now() + delay;
  slots_.release();
  bell(rank).wait_until(lock, end, [&] { return abort_rank_ >= 0; });
  lock.unlock();
  slots_.acquire();
  lock.lock();
}

std::int64_t ExchangeHub::copy(int rank, Receive& receive, Offer& offer, std::int64_t attempt) {
  if (options_.inject_fault && receive.message.peer != rank &&
      options_.inject_fault({receive.message.peer, rank, offer.hop, attempt})) {
    for (const Block& block : receive.message.blocks) {
      for (std::int64_t row = 0; !options_.mover && row < block.rows;
           ++row)  // what lies on a device isn't ours to spoil
        std::memset(block.data + row * block.row_stride_bytes, 0xff, static_cast<std::size_t>(block.row_bytes));
    }
    throw TransferFault("an injected fault");
  }
  if (options_.mover) {
    receive.copied = offer.copied =
        options_.mover->move(offer.message.blocks, receive.message.blocks, offer.ready, receive.ready);
    return receive.message.bytes();
  }
  if (!options_.on_copy || receive.message.peer == rank) return copy_rows(offer.message.blocks, receive.message.blocks);
  const std::lock_guard<std::mutex> one_at_a_time(observer_mutex_);
  return copy_rows(offer.message.blocks, receive.message.blocks, [&](std::span<const std::byte> run) {
    options_.on_copy(receive.message.peer, rank, offer.hop, run);
  });
}

HubExchange& ExchangeHub::checked(int rank, const Ticket& ticket) const {
  auto* exchange = dynamic_cast<HubExchange*>(ticket.get());
  const Lock lock(mutex_);
  if (exchange == nullptr || exchange->rank != rank || exchange->epoch != epoch_) {
    throw RuntimeFailure(rank_name(rank) + ": the ticket belongs to another rank or to an earlier run");
  }
  return *exchange;
}

void ExchangeHub::set_recovery(int rank, const RecoveryPolicy& policy) {
  const Lock lock(mutex_);
  recovery_[static_cast<std::size_t>(rank)] = policy;
}

FaultCount ExchangeHub::faults(int rank) const {
  const Lock lock(mutex_);
  return faults_[static_cast<std::size_t>(rank)];
}

void ExchangeHub::ring_all() {
  for (const auto& each : bells_) each->notify_all();
}

void ExchangeHub::withdraw_all(int rank, Lock& lock) {
  for (HubExchange* exchange : posted_[static_cast<std::size_t>(rank)]) withdraw(*exchange, lock, true);
}

void ExchangeHub::withdraw(HubExchange& exchange, Lock& lock, bool is_of_failure) {
  for (const auto& offer : exchange.offers) {
    bell(exchange.rank).wait(lock, [&] { return offer->state != OfferState::copying; });  // as long as one copy takes
    if (offer->state != OfferState::offered) continue;
    offer->state = OfferState::withdrawn;
    offer->is_of_failure = is_of_failure;
  }
}

void ExchangeHub::remove(HubExchange& exchange) {
  std::erase(posted_[static_cast<std::size_t>(exchange.rank)], &exchange);
}

void ExchangeHub::reset() {
  const Lock lock(mutex_);
  ++epoch_;
  for (auto& link : mailboxes_) link.fill(Mailbox{});
  arrived_.assign(arrived_.size(), false);
  abort_rank_ = -1;
  abort_reason_.clear();
  recovery_.assign(recovery_.size(), {});
  faults_.assign(faults_.size(), {});
}

std::string ExchangeHub::complaint() const {
  const Lock lock(mutex_);
  if (abort_rank_ >= 0) return rank_name(abort_rank_) + ": aborted: " + abort_reason_;
  for (std::size_t link = 0; link < mailboxes_.size(); ++link) {
    for (const Mailbox& box : mailboxes_[link]) {
      if (box.offers.empty()) continue;
      const Offer& offer = *box.offers.begin()->second;
      return send_name(static_cast<int>(link) / world_size_, offer.message.peer, offer.hop) + " was never received";
    }
  }
  return {};
}

Traffic ExchangeHub::traffic() const {
  const Lock lock(mutex_);
  Traffic result;
  for (const auto& [link, record] : traffic_) result.records.push_back(record);
  return result;
}

void ExchangeHub::reset_traffic() {
  const Lock lock(mutex_);
  traffic_.clear();
}

}  // namespace ringattn
