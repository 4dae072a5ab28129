#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace ringattn {

/// Lets at most `slots` rank threads compute at a time, first come first served. A rank holds a slot while it runs and
/// gives it back while it waits for a peer, so that ranks that outnumber the cores take turns at whole stretches of
/// work instead of pushing each other's data out of the caches. 0 slots: no limit.
class RunSlots {
 public:
  explicit RunSlots(int slots) : slots_(slots) {}

  void acquire() {
    if (slots_ == 0) return;
    std::unique_lock<std::mutex> lock(mutex_);
    const std::int64_t turn = next_turn_++;
    freed_.wait(lock, [&] { return turn < served_ + slots_; });
  }

  void release() {
    if (slots_ == 0) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++served_;
    }
    freed_.notify_all();
  }

 private:
  const int slots_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::int64_t next_turn_ = 0;  ///< turns taken so far
  std::int64_t served_ = 0;     ///< turns given back: the first served_ + slots_ turns may run
};

}  // namespace ringattn
