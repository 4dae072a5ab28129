#include "comm/trace.h"

#include "config/json.h"

#include <algorithm>

namespace ringattn {

std::int64_t steady_now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void TraceLog::add(TraceEvent event) {
  if (events_.size() >= events_max)
    ++dropped_;
  else
    events_.push_back(std::move(event));
}

void TraceLog::clear() {
  events_.clear();
  dropped_ = 0;
}

TraceSpan::TraceSpan(TraceLog* log, const char* name, const char* category, int hop, std::int64_t bytes)
    : log_(log), name_(name), category_(category), hop_(hop), bytes_(bytes) {
  if (log_ != nullptr) begin_ns_ = steady_now_ns();
}

TraceSpan::~TraceSpan() {
  if (log_ == nullptr) return;
  try {
    log_->add({name_, category_, hop_, begin_ns_, steady_now_ns(), bytes_});
  } catch (...) {  // out of memory: the stretch is missing from the trace
  }
}

std::string chrome_trace_json(std::span<const std::pair<int, const TraceLog*>> logs) {
  std::int64_t start_ns = INT64_MAX;
  for (const auto& [rank, log] : logs) {
    for (const TraceEvent& event : log->events()) start_ns = std::min(start_ns, event.begin_ns);
  }
  Json events = Json::array();
  std::int64_t dropped = 0;
  const auto us = [](std::int64_t ns) { return static_cast<double>(ns) / 1e3; };
  for (const auto& [rank, log] : logs) {
    dropped += log->dropped();
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", rank},
                      {"args", {{"name", "rank " + std::to_string(rank)}}}});
    for (const TraceEvent& event : log->events()) {
      Json args{{"hop", event.hop}};
      if (event.bytes > 0) args["bytes"] = event.bytes;
      events.push_back({{"name", event.name},
                        {"cat", event.category},
                        {"ph", "X"},
                        {"pid", 0},
                        {"tid", rank},
                        {"ts", us(event.begin_ns - start_ns)},
                        {"dur", us(event.end_ns - event.begin_ns)},
                        {"args", std::move(args)}});
    }
  }
  return Json{{"displayTimeUnit", "ms"}, {"otherData", {{"dropped_events", dropped}}}, {"traceEvents", events}}.dump() +
         "\n";
}

}  // namespace ringattn
