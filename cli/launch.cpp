#include "cli/launch.h"

#include "cli/exit_code.h"
#include "comm/loopback_port.h"
#include "config/env.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace ringattn {
namespace {

using Clock = std::chrono::steady_clock;

/// Ranks name one that has failed at their next exchange, and rank 0 saves what is finished.
constexpr std::chrono::seconds kGrace{30};
constexpr std::chrono::seconds kLastGrace{5};

/// Those that say where a process stands are set anew.
bool is_inherited(const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('='));
  constexpr const char* names[] = {"RANK",
                                   "WORLD_SIZE",
                                   "LOCAL_RANK",
                                   "LOCAL_WORLD_SIZE",
                                   "MASTER_ADDR",
                                   "MASTER_PORT",
                                   "RINGATTN_LISTENER",
                                   "RINGATTN_LAUNCH",
                                   "TORCHELASTIC_USE_AGENT_STORE"};
  return std::none_of(std::begin(names), std::end(names), [&](const char* own) { return name == own; });
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

/// The processes of one launch.
class Launch {
 public:
  Launch(int processes, std::vector<std::string> command, Terminal& terminal)
      : terminal_(terminal), command_(std::move(command)) {
    sigemptyset(&heard_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&heard_, signal);
    sigprocmask(SIG_BLOCK, &heard_, &mask_before_);
    for (int rank = 0; rank < processes; ++rank) start(rank, processes);
    close(port_.release());  // rank 0's from now on, and gone with it
  }
  ~Launch() {
    for (const Process& process : processes_) {
      if (process.is_over) continue;
      kill(process.id, SIGKILL);
      waitpid(process.id, nullptr, 0);
    }
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  int wait() {
    while (std::any_of(processes_.begin(), processes_.end(), [](const Process& p) { return !p.is_over; })) {
      const timespec pause{.tv_sec = 1, .tv_nsec = 0};
      siginfo_t info{};
      const int signal = sigtimedwait(&heard_, &info, &pause);
      if (signal > 0 && signal != SIGCHLD) {
        is_interrupted_ = true;
        pass_on(signal == SIGHUP ? SIGTERM : signal);
      }
      reap();
      end_stragglers();
    }
    return code();
  }

 private:
  struct Process {
    pid_t id = -1;
    bool is_over = false;
    int code = -1;  ///< exit code, or 128 + signal
  };

  void start(int rank, int size) {
    std::vector<std::string> variables = Env::variables();
    std::erase_if(variables, [](const std::string& variable) { return !is_inherited(variable); });
    variables.push_back(fmt::format("RANK={}", rank));
    variables.push_back(fmt::format("WORLD_SIZE={}", size));
    variables.push_back(fmt::format("LOCAL_RANK={}", rank));
    variables.push_back(fmt::format("LOCAL_WORLD_SIZE={}", size));
    variables.emplace_back("MASTER_ADDR=127.0.0.1");
    variables.push_back(fmt::format("MASTER_PORT={}", port_.port()));
    if (rank == 0) variables.push_back(fmt::format("RINGATTN_LISTENER={}", port_.descriptor()));
    const std::vector<char*> argv = pointers(command_);
    const std::vector<char*> envp = pointers(variables);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0)
      throw RuntimeFailure(fmt::format("--launch: rank {} cannot be started: {}", rank, std::strerror(errno)));
    if (child == 0) become(rank, parent, argv, envp);
    processes_.push_back({.id = child});
  }

  /// In the new process; only async-signal-safe calls.
  [[noreturn]] void become(int rank, pid_t parent, const std::vector<char*>& argv,
                           const std::vector<char*>& envp) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(exit_broken);
    setpgid(0, 0);  // a Ctrl-C comes to the launcher alone, which passes it on once
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    if (rank == 0) fcntl(port_.descriptor(), F_SETFD, 0);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    execve("/proc/self/exe", argv.data(), envp.data());
    _exit(exit_broken);
  }

  void pass_on(int signal) const {
    for (const Process& process : processes_) {
      if (!process.is_over) kill(process.id, signal);
    }
  }

  void reap() {
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      Process& process = processes_[rank];
      int status = 0;
      if (process.is_over || waitpid(process.id, &status, WNOHANG) != process.id) continue;
      process.is_over = true;
      process.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (WIFSIGNALED(status))
        terminal_.warn(fmt::format("rank {} (process {}) was ended by signal {} ({})", rank, process.id,
                                   WTERMSIG(status), strsignal(WTERMSIG(status))));
      const bool has_failed = WIFSIGNALED(status) || process.code == exit_broken || process.code == exit_usage;
      if (has_failed && !ends_by_) ends_by_ = Clock::now() + kGrace;
    }
  }

  void end_stragglers() {
    if (!ends_by_ || Clock::now() < *ends_by_) return;
    pass_on(is_told_to_end_ ? SIGKILL : SIGTERM);
    is_told_to_end_ = true;
    ends_by_ = Clock::now() + kLastGrace;
  }

  /// Rank 0's, where the others agree; a rank that ended otherwise is a failure whatever rank 0 says.
  int code() const {
    const int first = processes_.front().code;
    const auto agrees = [&](const Process& process) { return process.code == first; };
    if (first < 128 && std::all_of(processes_.begin(), processes_.end(), agrees)) return first;
    if (is_interrupted_ || first == exit_interrupted) return exit_interrupted;
    return first == exit_usage || first == exit_unavailable ? first : int{exit_broken};
  }

  Terminal& terminal_;
  std::vector<std::string> command_;
  LoopbackPort port_;
  sigset_t heard_{};
  sigset_t mask_before_{};
  std::vector<Process> processes_;
  std::optional<Clock::time_point> ends_by_;
  bool is_told_to_end_ = false;
  bool is_interrupted_ = false;  ///< some may have been told before they could save anything
};

}  // namespace

std::vector<std::string> without_launch(const std::vector<std::string>& command) {
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (command[i] == "--launch")
      ++i;
    else if (!command[i].starts_with("--launch="))
      rest.push_back(command[i]);
  }
  return rest;
}

int launch(int processes, const std::vector<std::string>& command, Terminal& terminal) {
  return Launch(processes, without_launch(command), terminal).wait();
}

}  // namespace ringattn
