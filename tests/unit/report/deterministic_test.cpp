#include "report/deterministic.h"

#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

TEST_CASE("times, and who ran it when and where, don't change the deterministic part; counts and errors do") {
  const Report report = test::example_report();
  const std::string part = deterministic_part(report).dump();
  Report other = report;
  other.command = {"ringattn", "--launch", "2"};
  other.started_at = "2031-01-01T00:00:00Z";
  other.duration_ns = 1;
  other.environment.cpu_model = "another";
  other.warnings.emplace_back("a busy machine");
  other.cases[0].metering_ns += 1;
  other.cases[0].oracle_ns += 1;
  other.cases[0].candidate.time_ns = {5};
  other.cases[0].time_ratio.reset();
  CHECK(deterministic_part(other).dump() == part);
  other.cases[0].candidate.ranks[0].sent_bytes += 1;
  CHECK(deterministic_part(other).dump() != part);
  other = report;
  other.cases[0].candidate_against_oracle->tensors[0].worst_abs.abs_error += 1e-9;
  CHECK(deterministic_part(other).dump() != part);
  other = report;
  other.cases[0].outcome = Outcome::new_wrong;
  CHECK(deterministic_part(other).dump() != part);
  for (const char* word : {"time_ns", "started_at", "environment", "rates", "metering", "exposed"})
    CHECK(part.find(word) == std::string::npos);
}

}  // namespace
}  // namespace ringattn
