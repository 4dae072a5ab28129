#include "cli/run_log.h"

#include "cli/interrupt.h"

#include <doctest/doctest.h>

#include <csignal>

namespace ringattn {
namespace {

TEST_CASE("a run that is interrupted after its last case is not complete, and one that is not is") {
  for (const bool is_interrupted : {false, true}) {
    const InterruptGuard guard;
    RunLog log(Report{}, {.cases = 0});
    if (is_interrupted) std::raise(SIGINT);
    log.finish([](Report& /*report*/) {});
    CHECK(log.report().interrupted == is_interrupted);
    CHECK(log.report().complete == !is_interrupted);
  }
}

}  // namespace
}  // namespace ringattn
