#include "comm/process_hub.h"

#include "comm/row_copy.h"
#include "config/error.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ringattn {
namespace {

/// Rows in up to this many runs are sent as they lie; more are packed first.
constexpr std::size_t kRunsMax = 8;

std::string rank_name(int rank) { return "rank " + std::to_string(rank); }

std::string place_of(int hop) {
  if (hop >= 0) return "hop " + std::to_string(hop);
  return hop == all_gather_hop ? "all_gather" : "the gathering of results";
}

std::string text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

std::string head_of(const Message& message, int hop) { return std::to_string(hop) + " " + shape_of(message.blocks); }

}  // namespace

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

ProcessHub::ProcessHub(std::unique_ptr<ProcessLinks> links, std::chrono::milliseconds deadline)
    : links_(std::move(links)),
      rank_(links_->rank()),
      base_deadline_(deadline),
      deadline_(deadline),
      lanes_(static_cast<std::size_t>(links_->size())),
      values_(static_cast<std::size_t>(links_->size())),
      has_left_(static_cast<std::size_t>(links_->size())),
      alarm_(*links_, deadline, [this] {
        if (alarm_.is_raised()) links_->cut_rows();
        ring();
      }) {}

ProcessHub::~ProcessHub() {
  alarm_.stop();
  links_->close();
}

void ProcessHub::start() {
  links_->hear_notes([this](int peer, const std::string& error, const std::string& note) { hear(peer, error, note); });
}

void ProcessHub::ring() {
  const Lock lock(mutex_);
  bell_.notify_all();
}

// --- What peers say ---

void ProcessHub::hear(int peer, const std::string& error, const std::string& note) {
  if (!error.empty()) {
    {
      const Lock lock(mutex_);
      if (has_left_[static_cast<std::size_t>(peer)]) return;
    }
    return alarm_.lose(peer, error);
  }
  try {
    if (note.starts_with('v')) return alarm_.hear_verdict(peer, note.substr(1));
    alarm_.hear_life(peer);
    if (note.starts_with('n')) hear_value(peer, note.substr(1));
  } catch (const std::exception& failed) {
    alarm_.fail(rank_name(rank_) + ": a note from " + rank_name(peer) + ": " + failed.what());
  }
}

void ProcessHub::hear_value(int peer, const std::string& note) {
  const std::size_t space = note.find(' ');
  const Lock lock(mutex_);
  Note value{space == std::string::npos ? "" : note.substr(space + 1), std::stoll(note)};
  if (value.what == "leave") has_left_[static_cast<std::size_t>(peer)] = true;
  values_[static_cast<std::size_t>(peer)].push_back(std::move(value));
  bell_.notify_all();
}

// --- Exchanges ---

Ticket ProcessHub::post(Exchange exchange, bool is_counted) {
  check();
  alarm_.set_place(place_of(exchange.hop));
  copy_own(exchange);
  const auto pending = std::make_shared<ProcessExchange>(shared_from_this(), exchange);
  const auto transfer_of = [&](Message& message) {
    auto transfer = std::make_shared<Transfer>();
    transfer->message = std::move(message);
    transfer->hop = exchange.hop;
    transfer->is_counted = is_counted;
    return transfer;
  };
  for (Message& message : exchange.receives) {
    if (message.peer == rank_) continue;
    const int peer = message.peer;
    pending->receives.push_back(transfer_of(message));
    {
      const Lock lock(mutex_);
      lane(peer, exchange.channel).queue.push_back(pending->receives.back());
    }
    take_next(peer, exchange.channel);
  }
  for (Message& message : exchange.sends) {
    if (message.peer == rank_) continue;
    const int peer = message.peer;
    pending->sends.push_back(transfer_of(message));
    send(peer, exchange.channel, pending->sends.back());
  }
  return pending;
}

/// Messages to itself are copies.
void ProcessHub::copy_own(const Exchange& exchange) const {
  std::vector<const Message*> sent, received;
  for (const Message& message : exchange.sends)
    if (message.peer == rank_) sent.push_back(&message);
  for (const Message& message : exchange.receives)
    if (message.peer == rank_) received.push_back(&message);
  for (std::size_t i = 0; i < std::max(sent.size(), received.size()); ++i) {
    if (i >= sent.size() || i >= received.size() || !same_rows(sent[i]->blocks, received[i]->blocks))
      throw RuntimeFailure(rank_name(rank_) + ": what it sends to itself at " + place_of(exchange.hop) +
                           " is not what it receives");
    copy_rows(sent[i]->blocks, received[i]->blocks);
  }
}

void ProcessHub::send(int peer, Channel channel, const TransferPtr& transfer) {
  std::vector<std::span<std::byte>> runs = runs_of(transfer->message.blocks);
  if (runs.size() > kRunsMax) {
    transfer->packed = ByteBuffer(static_cast<std::size_t>(transfer->message.bytes()));
    join_runs(runs, transfer->packed.span());
    runs = {transfer->packed.span()};
  }
  {
    const Lock lock(mutex_);
    transfer->is_in_flight = true;
  }
  links_->send(peer, channel, head_of(transfer->message, transfer->hop), {runs.begin(), runs.end()},
               [this, peer, transfer](const std::string& error) {
                 if (!error.empty()) alarm_.lose_rows(peer, error);
                 const Lock lock(mutex_);
                 transfer->is_in_flight = false;
                 transfer->is_done = error.empty();
                 bell_.notify_all();
               });
}

void ProcessHub::take_next(int peer, Channel channel) {
  {
    const Lock lock(mutex_);
    Lane& own = lane(peer, channel);
    if (own.is_busy || own.queue.empty()) return;
    own.is_busy = true;
  }
  links_->expect(peer, channel,
                 [this, peer, channel](const std::string& error, const ProcessLinks::Incoming& incoming) {
                   if (error.empty()) return take(peer, channel, incoming);
                   end_take(peer, channel, nullptr, error);
                 });
}

void ProcessHub::take(int peer, Channel channel, const ProcessLinks::Incoming& incoming) {
  TransferPtr transfer;
  std::string refused;
  std::vector<std::span<std::byte>> pieces;
  {
    const Lock lock(mutex_);
    const Lane& own = lane(peer, channel);
    if (!own.queue.empty()) transfer = own.queue.front();
    try {
      if (transfer == nullptr) throw RuntimeFailure("its receive has been withdrawn");
      if (const std::string differs = mismatch(*transfer, incoming.head); !differs.empty())
        throw RuntimeFailure(differs);
      transfer->targets.emplace(runs_of(transfer->message.blocks), incoming.piece_bytes);
      pieces = transfer->targets->pieces();
      transfer->is_in_flight = true;
    } catch (const std::exception& error) {
      refused = rank_name(rank_) + ": receive from " + rank_name(peer) +
                (transfer != nullptr ? " at " + place_of(transfer->hop) : "") + ": " + error.what();
    }
  }
  if (!refused.empty()) {
    alarm_.fail(refused);
    return end_take(peer, channel, nullptr, refused);
  }
  links_->receive(peer, channel, std::move(pieces), [this, peer, channel, transfer](const std::string& error) {
    end_take(peer, channel, transfer, error);
  });
}

/// `transfer` is null where the message never began to be written.
void ProcessHub::end_take(int peer, Channel channel, const TransferPtr& transfer, const std::string& error) {
  if (!error.empty()) alarm_.lose_rows(peer, error);
  {
    const Lock lock(mutex_);
    Lane& own = lane(peer, channel);
    if (transfer != nullptr) transfer->is_in_flight = false;
    if (transfer != nullptr && error.empty()) {
      transfer->is_done = true;
      std::erase(own.queue, transfer);
      if (transfer->is_counted) count(peer, *transfer);
    }
    // After an error the lane takes nothing more.
    own.is_busy = !error.empty();
    bell_.notify_all();
  }
  take_next(peer, channel);
}

std::string ProcessHub::mismatch(const Transfer& expected, const std::string& head) const {
  const std::string own = head_of(expected.message, expected.hop);
  if (own == head) return "";
  const auto words = [](const std::string& of) {
    const std::size_t space = of.find(' ');
    const std::string rows = of.substr(space + 1);
    return (rows.empty() ? "no" : rows) + " bytes at " + place_of(std::stoi(of));
  };
  const int peer = expected.message.peer;
  return rank_name(peer) + " sends " + words(head) + ", " + rank_name(rank_) + " expects " + words(own) +
         "; both must name the same hop and the same row sizes";
}

void ProcessHub::count(int from, const Transfer& transfer) {
  TrafficRecord& record =
      traffic_.try_emplace({from, rank_, transfer.hop}, TrafficRecord{from, rank_, transfer.hop, 0, 0}).first->second;
  for (const std::span<std::byte> piece : transfer.targets->pieces())
    record.bytes += static_cast<std::int64_t>(piece.size());
  ++record.messages;
}

// --- Waits ---

ProcessExchange& ProcessHub::checked(const Ticket& ticket) const {
  auto* exchange = dynamic_cast<ProcessExchange*>(ticket.get());
  if (exchange == nullptr || exchange->hub.get() != this)
    throw RuntimeFailure(rank_name(rank_) + ": the ticket belongs to another rank");
  return *exchange;
}

void ProcessHub::wait_received(const Ticket& ticket) {
  ProcessExchange& exchange = checked(ticket);
  alarm_.set_place(place_of(exchange.hop));
  const auto missing = [&] {
    return std::find_if(exchange.receives.begin(), exchange.receives.end(), [](const auto& t) { return !t->is_done; });
  };
  Lock lock(mutex_);
  wait(
      lock, Patience::deadline, [&] { return missing() == exchange.receives.end(); },
      [&] { return (*missing())->message.peer; }, "its rows have not come");
  lock.unlock();
  for (const TransferPtr& transfer : exchange.receives) transfer->targets->settle();
}

void ProcessHub::wait_sent(const Ticket& ticket) {
  ProcessExchange& exchange = checked(ticket);
  alarm_.set_place(place_of(exchange.hop));
  const auto missing = [&] {
    return std::find_if(exchange.sends.begin(), exchange.sends.end(), [](const auto& t) { return !t->is_done; });
  };
  Lock lock(mutex_);
  wait(
      lock, Patience::deadline, [&] { return missing() == exchange.sends.end(); },
      [&] { return (*missing())->message.peer; }, "it has not taken the rows that it is sent");
}

std::vector<std::int64_t> ProcessHub::all_gather_value(int members, std::int64_t value, const std::string& what,
                                                       Patience patience) {
  check();
  alarm_.set_place(what);
  const std::string note = "n" + std::to_string(value) + " " + what;
  for (int peer = 0; peer < members; ++peer) {
    if (peer != rank_) links_->send_note(peer, note);
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(members), value);
  Lock lock(mutex_);
  const auto absent = [&] {
    int peer = 0;
    while (peer < members && (peer == rank_ || !values_[static_cast<std::size_t>(peer)].empty())) ++peer;
    return peer;
  };
  wait(
      lock, patience, [&] { return absent() == members; }, absent, "it has not come there");
  std::string strays;
  for (int peer = 0; peer < members; ++peer) {
    if (peer == rank_) continue;
    std::deque<Note>& heard = values_[static_cast<std::size_t>(peer)];
    if (heard.front().what != what) strays = rank_name(peer) + " is at " + heard.front().what;
    all[static_cast<std::size_t>(peer)] = heard.front().value;
    heard.pop_front();
  }
  lock.unlock();
  if (!strays.empty()) {
    fail(rank_name(rank_) + ": at " + what + ", but " + strays);
    check();
  }
  return all;
}

/// Sleeps until `done`. Once the alarm is raised, no wait succeeds any more: what has arrived may be part of a step
/// that others have given up. A wait that is too late accuses the peer that is `awaited`.
void ProcessHub::wait(Lock& lock, Patience patience, const std::function<bool()>& done,
                      const std::function<int()>& awaited, const std::string& complaint) {
  const std::chrono::milliseconds limit = deadline();
  const auto end = Clock::now() + limit;
  while (true) {
    throw_cause(lock);
    if (done()) return;
    if (patience == Patience::life) {
      bell_.wait(lock);
    } else if (bell_.wait_until(lock, end) == std::cv_status::timeout && !done()) {
      const int peer = awaited();
      lock.unlock();
      alarm_.find_slow(peer, complaint + " within " + text(limit));
      lock.lock();
    }
  }
}

/// Throws what broke the group, as soon as that is agreed on; returns where nothing did.
void ProcessHub::throw_cause(Lock& lock) const {
  if (!alarm_.is_raised()) return;
  bell_.wait(lock, [&] { return !alarm_.cause().empty(); });
  throw RuntimeFailure(alarm_.cause());
}

void ProcessHub::fail(const std::string& reason) { alarm_.fail(reason); }

void ProcessHub::check() const {
  Lock lock(mutex_);
  throw_cause(lock);
}

/// Of an exchange that is over nothing is left to do. One that is not cannot be called back one by one: its connections
/// end, and with them the run, with the error that unwinds here or, where none does, with this one.
void ProcessHub::withdraw(ProcessExchange& exchange) {
  const auto any = [&](bool Transfer::*flag, bool value) {
    const auto has = [&](const TransferPtr& t) { return (*t).*flag == value; };
    return std::any_of(exchange.sends.begin(), exchange.sends.end(), has) ||
           std::any_of(exchange.receives.begin(), exchange.receives.end(), has);
  };
  Lock lock(mutex_);
  if (!any(&Transfer::is_done, false)) return;
  lock.unlock();
  if (std::uncaught_exceptions() == 0 && !alarm_.is_raised())
    alarm_.fail(rank_name(rank_) + ": withdrew a message of " + place_of(exchange.hop));
  links_->cut_rows();
  lock.lock();
  for (const TransferPtr& transfer : exchange.receives)
    std::erase(lane(transfer->message.peer, exchange.channel).queue, transfer);
  bell_.wait(lock, [&] { return !any(&Transfer::is_in_flight, true); });
}

// --- A run ---

void ProcessHub::begin_run(std::chrono::milliseconds deadline) {
  check();
  alarm_.set_deadline(base_deadline_);
  const Lock lock(mutex_);
  deadline_ = deadline;
  recovery_ = {};
}

void ProcessHub::set_recovery(const RecoveryPolicy& policy) {
  std::chrono::milliseconds limit{};
  {
    const Lock lock(mutex_);
    recovery_ = policy;
    limit = deadline();
  }
  alarm_.set_deadline(std::min(base_deadline_, limit));
}

Traffic ProcessHub::traffic() const {
  const Lock lock(mutex_);
  Traffic result;
  for (const auto& [link, record] : traffic_) result.records.push_back(record);
  return result;
}

void ProcessHub::reset_traffic() {
  const Lock lock(mutex_);
  traffic_.clear();
}

void ProcessHub::leave() {
  {
    const Lock lock(mutex_);
    if (std::exchange(is_closed_, true)) return;
  }
  if (!alarm_.is_raised()) {
    try {
      all_gather_value(links_->size(), 0, "leave", Patience::deadline);
    } catch (const RuntimeFailure&) {  // a peer left otherwise: it is no longer needed
    }
  }
  alarm_.stand_down();
  alarm_.stop();
  links_->close();
}

}  // namespace ringattn
