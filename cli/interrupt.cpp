#include "cli/interrupt.h"

#include "cli/exit_code.h"

#include <atomic>
#include <csignal>
#include <unistd.h>

namespace ringattn {
namespace {

// A signal handler can reach nothing but a global; it may only touch lock-free atomics and call async-signal-safe
// functions.
std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);

struct sigaction previous_interrupt;
struct sigaction previous_terminate;
struct sigaction previous_file_size;

extern "C" void count_signal(int) {
  if (signals_seen.fetch_add(1) > 0) _exit(exit_interrupted);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = count_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_interrupt);
  sigaction(SIGTERM, &action, &previous_terminate);
  // A file that may not grow any more (ulimit -f) is an error of that write, as a full disk is, not the end.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGXFSZ, &ignore, &previous_file_size);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previous_interrupt, nullptr);
  sigaction(SIGTERM, &previous_terminate, nullptr);
  sigaction(SIGXFSZ, &previous_file_size, nullptr);
}

bool interrupted() { return signals_seen.load(std::memory_order_relaxed) > 0; }

void interrupt() {
  int none = 0;
  signals_seen.compare_exchange_strong(none, 1);
}

void throw_if_interrupted() {
  if (interrupted()) throw Interrupted{};
}

}  // namespace ringattn
