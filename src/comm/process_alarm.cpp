#include "comm/process_alarm.h"

#include "comm/words.h"
#include "config/error.h"

#include <algorithm>
#include <utility>

namespace ringattn {
namespace {

using std::chrono::milliseconds;

/// A connection for rows that ends tells less than what its owner says a moment later.
constexpr milliseconds kSuspicion{300};

milliseconds silence_within(milliseconds deadline) { return std::max(milliseconds(50), deadline / 2); }

}  // namespace

ProcessAlarm::ProcessAlarm(ProcessLinks& links, milliseconds deadline, std::function<void()> changed)
    : links_(links),
      changed_(std::move(changed)),
      deadline_(deadline),
      heard_(static_cast<std::size_t>(links.size()), Clock::now()),
      watcher_([this] { watch(); }) {}

ProcessAlarm::~ProcessAlarm() { stop(); }

void ProcessAlarm::set_deadline(milliseconds deadline) {
  const Lock lock(mutex_);
  deadline_ = deadline;
  bell_.notify_all();
}

void ProcessAlarm::set_place(std::string place) {
  const Lock lock(mutex_);
  place_ = std::move(place);
}

void ProcessAlarm::set_subject(std::string subject) {
  const Lock lock(mutex_);
  subject_ = std::move(subject);
}

std::string ProcessAlarm::place_words() const {
  return (place_.empty() ? "" : " at " + place_) + (subject_.empty() ? "" : " of " + subject_);
}

std::string ProcessAlarm::witness_words() const { return "; seen by " + rank_name(links_.rank()); }

void ProcessAlarm::fail(const std::string& words) {
  const std::string own = rank_name(links_.rank());
  raise({ProcessVerdict::Kind::failed, links_.rank(), links_.rank(),
         words.starts_with("rank ") ? words : own + ": " + words});
}

void ProcessAlarm::raise(ProcessVerdict::Kind kind, int accused, const std::string& what, const std::string& why) {
  std::string words;
  {
    const Lock lock(mutex_);
    words = rank_name(accused) + " " + what + place_words() + (why.empty() ? "" : ": " + why) + witness_words();
  }
  raise({kind, links_.rank(), accused, words});
}

void ProcessAlarm::find_slow(int peer, const std::string& what) {
  raise(ProcessVerdict::Kind::slow, peer, "slow", what);
}

void ProcessAlarm::hear_life(int peer) {
  const Lock lock(mutex_);
  heard_[static_cast<std::size_t>(peer)] = Clock::now();
}

void ProcessAlarm::lose(int peer, const std::string& error) {
  {
    Lock lock(mutex_);
    gone_.insert(peer);
    if (standing_down_) return;
    if (state_ != State::sound) return settle_if_known(lock);
  }
  raise(ProcessVerdict::Kind::gone, peer, "gone", error.find("eof") != std::string::npos ? "" : error);
}

void ProcessAlarm::lose_rows(int peer, const std::string& error) {
  const Lock lock(mutex_);
  if (state_ != State::sound || standing_down_) return;
  suspects_.try_emplace(peer, Clock::now(), error);
  bell_.notify_all();
}

void ProcessAlarm::stand_down() {
  const Lock lock(mutex_);
  standing_down_ = true;
}

void ProcessAlarm::stop() {
  {
    const Lock lock(mutex_);
    ending_ = true;
  }
  bell_.notify_all();
  if (watcher_.joinable()) watcher_.join();
}

bool ProcessAlarm::is_raised() const {
  const Lock lock(mutex_);
  return state_ != State::sound;
}

std::string ProcessAlarm::cause() const {
  const Lock lock(mutex_);
  return cause_;
}

void ProcessAlarm::raise(ProcessVerdict own) {
  Lock lock(mutex_);
  if (state_ != State::sound) return;
  begin_collecting(std::move(own), lock);
  settle_if_known(lock);
}

void ProcessAlarm::hear_verdict(int peer, const std::string& note) {
  ProcessVerdict verdict = ProcessVerdict::from_note(note);
  Lock lock(mutex_);
  heard_[static_cast<std::size_t>(peer)] = Clock::now();
  verdicts_.try_emplace(peer, std::move(verdict));
  if (state_ == State::sound) begin_collecting({ProcessVerdict::Kind::nothing, links_.rank(), -1, ""}, lock);
  settle_if_known(lock);
}

/// Says this process's verdict, the only one that it will say.
void ProcessAlarm::begin_collecting(ProcessVerdict own, Lock& lock) {
  state_ = State::collecting;
  collected_by_ = Clock::now() + std::clamp(deadline_ / 4, milliseconds(200), milliseconds(2000));
  const std::string note = "v" + own.to_note();
  verdicts_.insert_or_assign(links_.rank(), std::move(own));
  lock.unlock();
  for (int peer = 0; peer < links_.size(); ++peer) {
    if (peer != links_.rank()) links_.send_note(peer, note);
  }
  changed_();
  bell_.notify_all();
  lock.lock();
}

/// No answer comes from a peer that somebody has found gone or silent.
bool ProcessAlarm::is_answered(int peer) const {
  if (verdicts_.contains(peer) || gone_.contains(peer)) return true;
  return std::any_of(verdicts_.begin(), verdicts_.end(), [&](const auto& said) {
    const ProcessVerdict& v = said.second;
    return v.accused == peer && (v.kind == ProcessVerdict::Kind::gone || v.kind == ProcessVerdict::Kind::silent);
  });
}

void ProcessAlarm::settle_if_known(Lock& lock) {
  if (state_ != State::collecting) return;
  for (int peer = 0; peer < links_.size() && Clock::now() < collected_by_; ++peer) {
    if (!is_answered(peer)) return;
  }
  const ProcessVerdict* cause = first_cause(verdicts_);
  cause_ = cause != nullptr ? cause->words : rank_name(links_.rank()) + ": stopped by a peer that gave no reason";
  state_ = State::settled;
  lock.unlock();
  changed_();
  lock.lock();
}

milliseconds ProcessAlarm::pause() const {
  if (state_ == State::collecting || !suspects_.empty()) return milliseconds(10);
  return std::clamp(deadline_ / 20, milliseconds(10), milliseconds(500));
}

void ProcessAlarm::watch() {
  Lock lock(mutex_);
  Clock::time_point woken = Clock::now();
  while (!ending_) {
    const milliseconds planned = pause();
    bell_.wait_for(lock, planned);
    if (ending_) return;
    const Clock::time_point now = Clock::now();
    // Who has been stopped itself has heard nobody meanwhile, and learns what has become of it from the others.
    if (now - woken > planned + silence_within(deadline_) / 2) heard_.assign(heard_.size(), now);
    woken = now;
    lock.unlock();
    send_signs_of_life();
    lock.lock();
    look_for_silence(lock);
    settle_if_known(lock);
  }
}

void ProcessAlarm::send_signs_of_life() {
  for (int peer = 0; peer < links_.size(); ++peer) {
    if (peer != links_.rank()) links_.send_note(peer, "b");
  }
}

void ProcessAlarm::look_for_silence(Lock& lock) {
  if (state_ != State::sound || standing_down_) return;
  const Clock::time_point now = Clock::now();
  const milliseconds silence = silence_within(deadline_);
  for (int peer = 0; peer < links_.size(); ++peer) {
    if (peer == links_.rank() || now - heard_[static_cast<std::size_t>(peer)] < silence) continue;
    lock.unlock();
    raise(ProcessVerdict::Kind::silent, peer, "silent",
          "no sign of life for " + std::to_string(silence.count()) + " ms, it is stopped or cut off");
    return lock.lock();
  }
  for (const auto& [peer, suspicion] : suspects_) {
    if (now - suspicion.first < kSuspicion) continue;
    const int suspect = peer;
    const std::string error = suspicion.second;
    lock.unlock();
    raise(ProcessVerdict::Kind::gone, suspect, "gone", error);
    return lock.lock();
  }
}

}  // namespace ringattn
