#pragma once

#include "comm/process_links.h"
#include "comm/process_verdict.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace ringattn {

/// Finds out that a run cannot go on, and agrees with the other processes on why. A thread of its own sends each peer a
/// sign of life many times within the deadline, and takes a peer for silent that has given none for half of it. The
/// first who knows of something tells everybody; each answers with what it knows itself, once:
///   sound ──own finding, or a peer's verdict──▶ collecting ──all have answered, or time is up──▶ settled
/// then all name the same cause (first_cause). Thread-safe; no lock is held in `changed`.
class ProcessAlarm {
 public:
  /// `changed` is called when the alarm is raised, and when its cause is settled.
  ProcessAlarm(ProcessLinks& links, std::chrono::milliseconds deadline, std::function<void()> changed);
  ~ProcessAlarm();
  ProcessAlarm(const ProcessAlarm&) = delete;
  ProcessAlarm& operator=(const ProcessAlarm&) = delete;

  /// From now on; silence is half of it.
  void set_deadline(std::chrono::milliseconds deadline);
  /// What this rank is about ("hop 5"), and in what ("case …", or ""): for the words of a verdict.
  void set_place(std::string place);
  void set_subject(std::string subject);

  /// This rank failed; `words` is the error.
  void fail(const std::string& words);
  /// `peer` has not done in time what it owes: "its rows have not come within 2 s".
  void find_slow(int peer, const std::string& what);

  void hear_life(int peer);
  void hear_verdict(int peer, const std::string& note);
  /// The peer's connection for notes ended; one for rows did. The latter is a verdict only where nobody tells why soon.
  void lose(int peer, const std::string& error);
  void lose_rows(int peer, const std::string& error);
  /// Peers may leave from now on.
  void stand_down();
  /// No thread of its own, no more notes.
  void stop();

  bool is_raised() const;
  /// The settled cause; "" until then.
  std::string cause() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  enum class State { sound, collecting, settled };

  std::string place_words() const;
  std::string witness_words() const;
  void raise(ProcessVerdict own);
  void raise(ProcessVerdict::Kind kind, int accused, const std::string& what, const std::string& why);
  void begin_collecting(ProcessVerdict own, Lock& lock);
  void settle_if_known(Lock& lock);
  bool is_answered(int peer) const;
  void watch();
  void send_signs_of_life();
  void look_for_silence(Lock& lock);
  std::chrono::milliseconds pause() const;

  ProcessLinks& links_;
  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::condition_variable bell_;
  std::chrono::milliseconds deadline_;
  std::string place_;
  std::string subject_;
  State state_ = State::sound;
  std::map<int, ProcessVerdict> verdicts_;
  std::set<int> gone_;
  std::map<int, std::pair<Clock::time_point, std::string>> suspects_;  ///< peers whose rows failed: since when, how
  std::vector<Clock::time_point> heard_;
  Clock::time_point collected_by_{};
  std::string cause_;
  bool standing_down_ = false;
  bool ending_ = false;
  std::thread watcher_;
};

}  // namespace ringattn
