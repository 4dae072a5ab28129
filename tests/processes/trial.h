#pragma once

#include "comm/loopback_port.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ringattn::testing {

/// A process of rank_program and what it says.
class TrialRank {
 public:
  TrialRank(const std::vector<std::string>& arguments, const std::vector<std::string>& variables, int keep_open = -1) {
    std::array<int, 2> out{}, err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) std::abort();
    process_ = fork();
    if (process_ == 0) {
      dup2(out[1], 1);
      dup2(err[1], 2);
      if (keep_open >= 0) fcntl(keep_open, F_SETFD, 0);
      std::vector<char*> argv{const_cast<char*>(RINGATTN_RANK_PROGRAM)};
      for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      for (const std::string& variable : variables) putenv(const_cast<char*>(variable.c_str()));
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~TrialRank() {
    send(SIGKILL);
    wait(std::chrono::seconds(10));
    close(out_);
    close(err_);
  }
  TrialRank(const TrialRank&) = delete;
  TrialRank& operator=(const TrialRank&) = delete;

  pid_t id() const { return process_; }
  void send(int signal) const {
    if (!is_over_) kill(process_, signal);
  }
  /// Until it has said "ready", or has ended.
  bool is_ready() const {
    char letter = 0;
    std::string said;
    while (read(out_, &letter, 1) == 1 && letter != '\n') said += letter;
    return said == "ready";
  }
  /// Its exit code, 128 + a signal, or -1 where it doesn't end in time.
  int wait(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!is_over_) {
      int status = 0;
      if (waitpid(process_, &status, WNOHANG) == process_) {
        is_over_ = true;
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      } else if (std::chrono::steady_clock::now() >= end) {
        return -1;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    return code_;
  }
  /// All that it wrote to stderr, once it is over.
  std::string error() {
    send(SIGKILL);  // where it is not over, it is stuck
    wait(std::chrono::seconds(10));
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = read(err_, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(n));
    return text;
  }

 private:
  pid_t process_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool is_over_ = false;
  int code_ = -1;
};

using Ranks = std::vector<std::unique_ptr<TrialRank>>;

inline std::vector<std::string> variables_of(int rank, int size, const LoopbackPort& port) {
  std::vector<std::string> variables{"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
                                     "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port.port())};
  if (rank == 0) variables.push_back("RINGATTN_LISTENER=" + std::to_string(port.descriptor()));
  return variables;
}

inline Ranks start(int size, int rounds, std::chrono::milliseconds deadline) {
  const LoopbackPort port;
  Ranks ranks;
  for (int rank = 0; rank < size; ++rank)
    ranks.push_back(std::make_unique<TrialRank>(
        std::vector<std::string>{std::to_string(rounds), "5", std::to_string(deadline.count())},
        variables_of(rank, size, port), rank == 0 ? port.descriptor() : -1));
  return ranks;
}

}  // namespace ringattn::testing
