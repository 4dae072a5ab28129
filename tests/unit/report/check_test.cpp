#include "report/check.h"

#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

/// The example with what it simplifies put right.
Report consistent() {
  Report report = test::example_report();
  report.cases[1].candidate.mark = Mark::rehearsed;
  return report;
}

std::string problems_of(const Report& report) {
  std::string text;
  for (const ReportProblem& problem : report_problems(report)) text += problem.pointer + ": " + problem.words + "\n";
  return text;
}

TEST_CASE("a report that agrees with itself has no problem") { CHECK(problems_of(consistent()) == ""); }

TEST_CASE("each contradiction is named by its pointer") {
  Report report = consistent();
  report.summary.cases = 3;
  CHECK(problems_of(report) == "/summary/cases: is 3, but 2 are listed\n");
  report = consistent();
  report.cases[0].id = "other";
  CHECK(problems_of(report).starts_with("/cases/0/id: is \"other\", the axes give \"b1/n4096/"));
  report = consistent();
  report.cases[0].candidate.ranks[1].sent_bytes += 1;
  CHECK(problems_of(report) == "/cases/0/candidate/ranks: 6291457 bytes were sent, 6291456 received\n");
  report = consistent();
  report.cases[0].candidate.time_ns_median->median = 2000000.0;
  CHECK(problems_of(report).starts_with(
      "/cases/0/candidate/time_ns_median/median: is 2000000, the samples give 2100000\n"));
  report = consistent();
  report.cases[0].candidate.rates->tokens_per_s *= 2.0;
  CHECK(problems_of(report) == "/cases/0/candidate/rates/tokens_per_s: does not follow from the time\n");
  report = consistent();
  report.cases[0].candidate.time_over_one_rank.reset();
  CHECK(problems_of(report) == "/cases/0/candidate/rates/retention: does not follow from time_over_one_rank\n");
  report = consistent();
  report.predictions[0].relative_error = 0.2;
  CHECK(problems_of(report).starts_with("/predictions/0/relative_error: is 0.2"));
}

TEST_CASE("a result file is known by its keys") {
  CHECK(kind_of_result("{\"schema\": \"ringattn.report\"}") == "report");
  CHECK(kind_of_result("{\"$schema\": \"x\"}") == "schema");
  CHECK(kind_of_result("{\"schema\":\"ringattn.baseline\"}\n{\"case\":1}\n") == "baseline");
  CHECK(kind_of_result("[]") == "");
  CHECK(kind_of_result("no JSON") == "");
}

}  // namespace
}  // namespace ringattn
