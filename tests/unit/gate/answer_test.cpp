#include "gate/answer.h"

#include "gate/exponents.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

CheckRecord check(CheckStatus status, const std::string& rule = "time") {
  return {rule, "case", status, "words & <more>"};
}

GateAnswer of(const std::vector<CheckRecord>& checks, bool strict = false, bool allow_new = false) {
  return answer(checks, {.strict = strict, .allow_new = allow_new});
}

TEST_CASE("the answer is that of the worst check") {
  CHECK(of({}) == GateAnswer::yes);
  CHECK(of({check(CheckStatus::pass), check(CheckStatus::fail)}) == GateAnswer::no);
  CHECK(of({check(CheckStatus::fresh, "traffic")}) == GateAnswer::missing_baseline);
  CHECK(of({check(CheckStatus::fresh, "traffic")}, false, true) == GateAnswer::yes);
  CHECK(of({check(CheckStatus::fresh, "traffic"), check(CheckStatus::fail)}) == GateAnswer::no);
  CHECK(of({check(CheckStatus::stale, "baseline")}, true) == GateAnswer::yes);
}

TEST_CASE("a time without a host class fails nothing, not even strictly") {
  CHECK(of({check(CheckStatus::fresh, "time")}, true) == GateAnswer::yes);
}

TEST_CASE("strictly, unsure is inconclusive and an improvement is a no") {
  CHECK(of({check(CheckStatus::unsure)}) == GateAnswer::yes);
  CHECK(of({check(CheckStatus::unsure)}, true) == GateAnswer::inconclusive);
  CHECK(of({check(CheckStatus::improved)}) == GateAnswer::yes);
  CHECK(of({check(CheckStatus::improved)}, true) == GateAnswer::no);
}

TEST_CASE("unsure has a line and a JUnit status of its own") {
  Report report;
  report.checks = {check(CheckStatus::unsure), check(CheckStatus::pass), check(CheckStatus::fail, "traffic")};
  const std::vector<std::string> lines = summary_lines(report);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "0 cases: 1 of 3 checks pass");
  CHECK(lines[1] == "1 fail");
  CHECK(lines[2] == "1 unsure: nothing can be said");
  const std::string xml = junit_xml(gate_suites(report, {}));
  CHECK(xml.find("<testsuite name=\"time\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"1\">") !=
        std::string::npos);
  CHECK(xml.find("<skipped message=\"unsure: words &amp; &lt;more&gt;\"/>") != std::string::npos);
  CHECK(xml.find("<failure type=\"fail\" message=\"words &amp; &lt;more&gt;\"/>") != std::string::npos);
}

TEST_CASE("text that is no XML is replaced") {
  CHECK(escape_xml("a\x01\xFF\n\"é") == "a\xEF\xBF\xBD\xEF\xBF\xBD&#10;&quot;é");
  CHECK(escape_xml("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("exponents are fitted over cases that differ in one axis") {
  std::vector<GrowthPoint> points;
  for (const std::int64_t n : {64, 128, 256})
    for (const std::int64_t k : {1, 2, 4})
      points.push_back({Case{.seq_len = n, .heads = 1, .head_dim = 8, .ranks = k}, 1000 * n / k});
  const std::vector<ExponentFact> facts = fit_exponents(points);
  REQUIRE(facts.size() == 6);
  CHECK((facts[0] == ExponentFact{"ranks", "b1/n128/h1/d8/fp32/full/k*", -1.0}));
  CHECK((facts[3] == ExponentFact{"seq_len", "b1/n*/h1/d8/fp32/full/k1", 1.0}));
}

TEST_CASE("cases without bytes, or with fewer rows than ranks, are no points of a fit") {
  std::vector<GrowthPoint> points;
  for (const std::int64_t n : {2, 64, 128, 256})
    points.push_back({Case{.seq_len = n, .heads = 1, .head_dim = 8, .ranks = 4}, n});
  REQUIRE(fit_exponents(points).size() == 1);
  CHECK(fit_exponents(points)[0].exponent == 1.0);
  points[1].own_bytes = 0;
  CHECK(fit_exponents(points).empty());
}

}  // namespace
}  // namespace ringattn
