#include "cli/bench_plan.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

constexpr double kSecond = 1e9;

CaseEffort case_of(const std::string& id, double pass_s, double rehearsed_pass_s) {
  return {.id = id,
          .measured = {"", kSecond * pass_s, kSecond * pass_s},
          .rehearsed = {"", kSecond * rehearsed_pass_s, kSecond * rehearsed_pass_s},
          .rank = 3};
}

double planned_s(const std::vector<PlannedRecord>& records) {
  double seconds = 0.0;
  for (const PlannedRecord& record : records) seconds += record.time_ns_expected.value_or(0.0) / kSecond;
  return seconds;
}

TEST_CASE("what fits is measured, in as many pairs as were asked for") {
  const auto records = plan_bench({{case_of("a", 1.0, 0.1)}}, {.pairs = 5, .budget_ns = 100 * kSecond});
  REQUIRE(records.size() == 1);
  CHECK(records[0].mark == Mark::measured);
  CHECK(records[0].pairs == 5);
  CHECK(*records[0].time_ns_expected == doctest::Approx(7.0 * kSecond));  // metered, warmed up, five pairs
  CHECK(records[0].why.empty());
  CHECK(!records[0].rank);
}

TEST_CASE("longer cases are measured in fewer pairs, then rehearsed, then priced, and the budget holds") {
  std::vector<std::vector<CaseEffort>> groups;
  for (const double pass_s : {1.0, 4.0, 20.0, 500.0})
    groups.push_back({case_of(std::to_string(pass_s), pass_s, pass_s / 8)});
  const auto records = plan_bench(groups, {.pairs = 21, .budget_ns = 150 * kSecond});
  REQUIRE(records.size() == 4);
  CHECK(records[0].mark == Mark::measured);
  CHECK(records[0].pairs == 21);
  CHECK(records[1].mark == Mark::measured);
  CHECK(records[1].pairs >= planned_pairs_min);
  CHECK(records[1].pairs < 21);
  CHECK(records[1].why.find("of 21 pairs fit into --time-budget") != std::string::npos);
  CHECK(records[2].mark == Mark::rehearsed);
  CHECK(records[2].rank == 3);
  CHECK(records[2].why.find("measuring its numbers of ranks would take about 100 s") != std::string::npos);
  CHECK(records[3].mark == Mark::priced);
  CHECK(!records[3].time_ns_expected);
  CHECK(records[3].why.find("rehearsing a rank would take about") != std::string::npos);
  CHECK(planned_s(records) <= 150.0);
}

TEST_CASE("what memory does not hold is rehearsed whatever the time, and priced where that does not fit either") {
  CaseEffort large = case_of("large", 1.0, 0.5), huge = case_of("huge", 1.0, 0.5);
  large.measured.why_not = huge.measured.why_not = "all ranks need about 40 GiB, 8 GiB are free";
  huge.rehearsed.why_not = "a rehearsed rank and its oracle need about 12 GiB";
  const auto records =
      plan_bench({{case_of("small", 1.0, 0.5), large}, {huge}}, {.pairs = 3, .budget_ns = 1000 * kSecond});
  REQUIRE(records.size() == 3);
  CHECK(records[0].mark == Mark::measured);
  CHECK(records[1].mark == Mark::rehearsed);
  CHECK(records[1].why == "all ranks need about 40 GiB, 8 GiB are free");
  CHECK(records[2].mark == Mark::priced);
  CHECK(records[2].why.find("a rehearsed rank and its oracle need about 12 GiB") != std::string::npos);
}

TEST_CASE("cases of a group are measured together or not at all") {
  const auto records = plan_bench({{case_of("k1", 10.0, 10.0), case_of("k2", 10.0, 5.0), case_of("k8", 10.0, 1.0)}},
                                  {.pairs = 3, .budget_ns = 100 * kSecond});
  REQUIRE(records.size() == 3);
  for (const PlannedRecord& record : records) CHECK(record.mark != Mark::measured);
  CHECK(records[2].mark == Mark::rehearsed);
  CHECK(records[2].pairs == 3);
  CHECK(planned_s(records) <= 100.0);
}

TEST_CASE("without times only the metered pass counts") {
  const auto records = plan_bench({{case_of("a", 10.0, 1.0)}}, {.pairs = 0, .budget_ns = 20 * kSecond});
  CHECK(records[0].mark == Mark::measured);
  CHECK(records[0].pairs == 0);
  CHECK(records[0].why.empty());
}

}  // namespace
}  // namespace ringattn
