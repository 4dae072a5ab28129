#include "cli/interrupt.h"

#include <doctest/doctest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace ringattn {
namespace {

TEST_CASE("the first Ctrl-C sets a flag, which the next guard clears") {
  {
    const InterruptGuard guard;
    CHECK(!interrupted());
    CHECK_NOTHROW(throw_if_interrupted());
    std::raise(SIGINT);
    CHECK(interrupted());
    CHECK_THROWS_AS(throw_if_interrupted(), Interrupted);
  }
  const InterruptGuard guard;
  CHECK(!interrupted());
}

TEST_CASE("the second Ctrl-C ends the process at once with exit code 130") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const InterruptGuard guard;
    std::raise(SIGINT);
    std::raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
}

}  // namespace
}  // namespace ringattn
