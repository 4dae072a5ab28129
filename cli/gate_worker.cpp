#include "cli/gate_worker.h"

#include "config/config_json.h"
#include "config/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ringattn {
namespace {

constexpr int kExecFailed = 127;

Json one_case_preset(const ServedSetting& setting, const Case& c) {
  Preset preset{.name = "gate", .description = "one case", .implementation = setting.implementation};
  preset.config = setting.config;
  preset.workload = {.batch = {c.batch},
                     .seq_len = {c.seq_len},
                     .heads = {c.heads},
                     .head_dim = {c.head_dim},
                     .dtype = {c.dtype},
                     .is_causal = {c.is_causal},
                     .ranks = {c.ranks},
                     .kv_heads = {c.kv_heads},
                     .window = {c.window},
                     .documents = {c.documents},
                     .mask = {c.mask}};
  return to_json(preset);
}

/// The child's side of fork: nothing but system calls.
[[noreturn]] void become(const char* binary, int socket) {
  dup2(socket, STDIN_FILENO);
  dup2(socket, STDOUT_FILENO);
  execl(binary, binary, "gate", "--serve", static_cast<char*>(nullptr));
  _exit(kExecFailed);
}

/// Waits for the child's end, and makes an end of one that does not come to it; its wait status.
int reap(pid_t child) {
  int status = 0;
  for (int waited_ms = 0; waited_ms < 2000; waited_ms += 10) {
    if (::waitpid(child, &status, WNOHANG) != 0) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

std::string own_binary() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

WorkerProcess::WorkerProcess(std::string binary, std::chrono::milliseconds timeout)
    : binary_(std::move(binary)), timeout_(timeout) {
  if (std::filesystem::is_directory(binary_) || ::access(binary_.c_str(), X_OK) != 0)
    throw UsageError(fmt::format("--against: must be a ringattn binary (got \"{}\", which cannot be run)", binary_));
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    throw RuntimeFailure(fmt::format("{}: no socket for it: {}", binary_, std::strerror(errno)));
  child_ = ::fork();
  if (child_ == 0) become(binary_.c_str(), sockets[1]);
  ::close(sockets[1]);
  socket_ = sockets[0];
  if (child_ < 0) throw RuntimeFailure(fmt::format("{}: cannot be started: {}", binary_, std::strerror(errno)));
  try {
    const Json json = parse_json_strict(ask(Json{{"ask", "hello"}, {"protocol", worker_protocol}}.dump()), binary_);
    const JsonValue hello(json, binary_);
    if (hello.require("protocol").integer(0) != worker_protocol)
      hello.refuse(fmt::format("must speak protocol {} of `gate --serve`", worker_protocol));
    description_ = hello.require("build").string();
  } catch (const std::exception& error) {
    throw UsageError(
        fmt::format("--against {}: is no ringattn that can be timed from outside: {}", binary_, error.what()));
  }
}

WorkerProcess::~WorkerProcess() {
  if (socket_ >= 0) ::close(socket_);  // the end of its input
  if (child_ > 0) reap(child_);
}

void WorkerProcess::prepare(const ServedSetting& setting, const Case& axes) {
  const Json request{{"ask", "prepare"}, {"preset", one_case_preset(setting, axes)}, {"seed", setting.seed}};
  const Json answer = parse_json_strict(ask(request.dump()), binary_);
  if (!answer.contains("ready"))
    throw RuntimeFailure(fmt::format("{}: cannot prepare {}: {}", binary_, case_id(axes), answer.dump()));
}

std::int64_t WorkerProcess::sample_ns() {
  const Json answer = parse_json_strict(ask(R"({"ask":"sample"})"), binary_);
  if (!answer.contains("time_ns")) throw RuntimeFailure(fmt::format("{}: gave no time: {}", binary_, answer.dump()));
  return JsonValue(answer, binary_).require("time_ns").integer(1);
}

std::string WorkerProcess::ask(const std::string& request) {
  const std::string line = request + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = ::send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw RuntimeFailure(fmt::format("{}: {}", binary_, how_it_ended()));
    sent += static_cast<std::size_t>(n);
  }
  return read_line();
}

std::string WorkerProcess::read_line() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      throw RuntimeFailure(fmt::format("{}: no answer within {} s (--timeout)", binary_, timeout_.count() / 1000));
    char part[4096];
    const ssize_t n = ::recv(socket_, part, sizeof(part), 0);
    if (n <= 0) throw RuntimeFailure(fmt::format("{}: {}", binary_, how_it_ended()));
    buffer_.append(part, static_cast<std::size_t>(n));
  }
}

std::string WorkerProcess::how_it_ended() {
  if (child_ <= 0) return "ended";
  const int status = reap(std::exchange(child_, -1));
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with exit code {} before it answered", WEXITSTATUS(status));
}

}  // namespace ringattn
