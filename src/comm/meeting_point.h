#pragma once

#include "comm/process_card.h"
#include "comm/process_place.h"

#include <chrono>
#include <memory>
#include <vector>

namespace ringattn {

/// Where processes that know nothing of one another yet meet: a c10d::TCPStore at MASTER_ADDR and MASTER_PORT, which
/// rank 0 holds, or torchrun's agent. It lasts as long as the object.
class MeetingPoint {
 public:
  using Clock = std::chrono::steady_clock;

  /// `end` is when `deadline` is over. RuntimeFailure where rank 0 cannot listen, or nobody answers.
  MeetingPoint(const ProcessPlace& place, std::chrono::milliseconds deadline, Clock::time_point end);
  ~MeetingPoint();
  MeetingPoint(const MeetingPoint&) = delete;
  MeetingPoint& operator=(const MeetingPoint&) = delete;

  /// Leaves this process's card, and returns those of all, by rank. RuntimeFailure names the ranks that didn't come.
  std::vector<ProcessCard> exchange(const ProcessCard& own);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
