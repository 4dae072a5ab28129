#pragma once

#include "config/ring_attention_config.h"
#include "config/workload.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <sys/types.h>

// `ringattn gate --serve`: one build timed by another, sample by sample, so that two builds interleave in one run.
// Lines of JSON, one request and one answer in turn, over the worker's stdin and stdout:
//
//   {"ask": "hello", "protocol": 1}                 {"protocol": 1, "build": "ringattn 0.4.0 (commit …)"}
//   {"ask": "prepare", "preset": {…}, "seed": 42}   {"ready": true}      a preset of exactly one case
//   {"ask": "sample"}                               {"time_ns": 812345}
//   anything that cannot be                         {"error": "…"}
//
// The end of its input ends the worker.

namespace ringattn {

inline constexpr std::int64_t worker_protocol = 1;

/// What all cases of a run share.
struct ServedSetting {
  std::string implementation;
  RingAttentionConfig config{};
  std::int64_t seed = 42;
  std::chrono::milliseconds timeout{30'000};  ///< of waits between the worker's ranks
};

/// The worker's side: answers until its input ends; returns the exit code.
int serve_gate(std::FILE* requests, std::FILE* answers, std::chrono::milliseconds timeout);

/// The path of this program.
std::string own_binary();

/// A worker that this process started. Every wait for it is bounded: RuntimeFailure, naming the binary, where it dies,
/// hangs or answers something else.
class WorkerProcess {
 public:
  /// UsageError for a file that cannot be run, or does not speak this protocol.
  WorkerProcess(std::string binary, std::chrono::milliseconds timeout);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  const std::string& description() const { return description_; }
  void prepare(const ServedSetting& setting, const Case& axes);
  std::int64_t sample_ns();

 private:
  std::string ask(const std::string& request);
  std::string read_line();
  std::string how_it_ended();

  std::string binary_;
  std::chrono::milliseconds timeout_;
  std::string description_;
  pid_t child_ = -1;
  int socket_ = -1;
  std::string buffer_;
};

}  // namespace ringattn
