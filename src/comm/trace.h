#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// A stretch of time of one rank.
struct TraceEvent {
  std::string name;      ///< "tiles", "post", "wait for rows", …
  std::string category;  ///< compute, communication
  int hop = 0;
  std::int64_t begin_ns = 0;  ///< of the steady clock, which all ranks of a process share
  std::int64_t end_ns = 0;
  std::int64_t bytes = 0;  ///< that the stretch is about; 0: none
};

/// What one rank did, in order. Keeps the first events_max events and counts the others.
class TraceLog {
 public:
  static constexpr std::size_t events_max = 100'000;

  void add(TraceEvent event);
  const std::vector<TraceEvent>& events() const { return events_; }
  std::int64_t dropped() const { return dropped_; }
  void clear();

 private:
  std::vector<TraceEvent> events_;
  std::int64_t dropped_ = 0;
};

/// Adds the stretch of time that it lives. Without a log it does nothing.
class TraceSpan {
 public:
  TraceSpan(TraceLog* log, const char* name, const char* category, int hop, std::int64_t bytes = 0);
  ~TraceSpan();
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  TraceLog* log_;
  const char* name_;
  const char* category_;
  int hop_;
  std::int64_t bytes_;
  std::int64_t begin_ns_ = 0;
};

std::int64_t steady_now_ns();

/// Logs of several ranks, (rank, log) each, as the JSON that chrome://tracing and Perfetto read: complete events in
/// microseconds since the earliest one, a thread for each rank, hop and bytes as arguments.
std::string chrome_trace_json(std::span<const std::pair<int, const TraceLog*>> logs);

}  // namespace ringattn
