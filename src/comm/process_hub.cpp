#include "comm/process_hub.h"

#include "comm/process_exchange.h"
#include "comm/words.h"
#include "config/error.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ringattn {
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
