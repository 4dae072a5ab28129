#pragma once

#include "config/error.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace ringattn {

/// What a rank does about a message that fails to arrive, or does not come.
struct RecoveryPolicy {
  /// Attempts at one message, the first included. The sender keeps its rows until one of them has succeeded, so that
  /// both ends speak of the same message.
  std::int64_t attempts = 1;
  std::chrono::nanoseconds retry_delay{0};  ///< before the second attempt; doubled before each later one
  /// Deadline of each wait in place of the world's. When it passes, every rank stops with the same error.
  std::optional<std::chrono::milliseconds> watchdog{};
};

/// What went wrong on a rank's links, and what became of it.
struct FaultCount {
  std::int64_t failed_sends = 0;     ///< attempts of peers at this rank's messages that failed
  std::int64_t failed_receives = 0;  ///< own attempts that failed
  std::int64_t retry_attempts = 0;
  std::int64_t retry_successes = 0;  ///< messages that arrived after the first attempt
};

/// One attempt at one message, counted from 1.
struct CopyAttempt {
  int from = 0;
  int to = 0;
  int hop = 0;
  std::int64_t attempt = 1;
};

/// A message did not arrive whole; another attempt may succeed.
struct TransferFault : RuntimeFailure {
  using RuntimeFailure::RuntimeFailure;
};

}  // namespace ringattn
