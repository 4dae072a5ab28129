#include "report/scaling.h"

#include "report/power_law.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace ringattn {
namespace {

/// Cases over ranks whose rank 0 peaks at `peak(k)`, of which the kernel takes 1000.
std::vector<CaseRecord> over_ranks(std::int64_t (*peak)(std::int64_t)) {
  std::vector<CaseRecord> cases;
  for (const std::int64_t k : {1, 2, 4, 8, 16}) {
    CaseRecord record = test::example_case(Dtype::fp32, false);
    record.axes.ranks = k;
    record.id = case_id(record.axes);
    record.legacy.reset();
    record.candidate.ranks.resize(1);
    record.candidate.ranks[0].peak_bytes = peak(k);
    record.candidate.price->peak_bytes_max = peak(k);
    record.candidate.price->kernel_bytes_max = 1000;
    cases.push_back(record);
  }
  return cases;
}

const ScalingRecord* peak_of(const std::vector<ScalingRecord>& records) {
  for (const ScalingRecord& record : records)
    if (record.quantity == "peak_bytes") return &record;
  return nullptr;
}

TEST_CASE("a power law without noise is found exactly, with an interval of no width") {
  const std::array<double, 4> x{1, 2, 4, 8}, y{5, 20, 80, 320};
  const PowerLaw law = fit_power_law(x, y);
  CHECK(std::abs(law.exponent - 2.0) < 1e-12);
  CHECK(std::abs(law.low - 2.0) < 1e-6);
  CHECK(std::abs(law.high - 2.0) < 1e-6);
}

TEST_CASE("the interval of a noisy slope is Student's") {
  // ln x = 0, 1, 2 and ln y = 0, 1.3, 2: slope 1, residuals -0.1, 0.2, -0.1, their squares 0.06, Σ(u-ū)² = 2.
  const std::array<double, 3> x{1.0, std::exp(1.0), std::exp(2.0)}, y{1.0, std::exp(1.3), std::exp(2.0)};
  const PowerLaw law = fit_power_law(x, y);
  CHECK(std::abs(law.exponent - 1.0) < 1e-12);
  CHECK(std::abs(law.high - 1.0 - 12.7062 * std::sqrt(0.06 / 2)) < 1e-3);
}

TEST_CASE("Student's quantiles are those of the tables") {
  CHECK(std::abs(student_t_quantile(0.975, 1) - 12.7062) < 1e-3);
  CHECK(std::abs(student_t_quantile(0.975, 2) - 4.3027) < 1e-3);
  CHECK(std::abs(student_t_quantile(0.975, 10) - 2.2281) < 1e-3);
}

TEST_CASE("own bytes that fall as 1/k are O(n/k), whatever the kernel takes") {
  const auto records = scaling_of(over_ranks([](std::int64_t k) { return 1000 + 16'000'000 / k; }));
  const ScalingRecord* peak = peak_of(records);
  REQUIRE(peak != nullptr);
  CHECK(peak->axis == "ranks");
  CHECK(peak->verdict == "yes");
  CHECK(peak->words.rfind("O(n/k): yes", 0) == 0);
  CHECK(peak->expected.has_value());
}

TEST_CASE("gathered bytes that stay over k are not O(n/k)") {
  const auto records = scaling_of(over_ranks([](std::int64_t) { return std::int64_t{16'000'000}; }));
  REQUIRE(peak_of(records) != nullptr);
  CHECK(peak_of(records)->verdict == "no");
  CHECK(std::abs(peak_of(records)->exponent) < 1e-9);
}

TEST_CASE("times of measured and of rehearsed ranks are two fits; what both allocate is one; prices stand apart") {
  std::vector<CaseRecord> cases = over_ranks([](std::int64_t k) { return 1000 + 16'000'000 / k; });
  const std::vector<CaseRecord> rehearsed = cases, priced = cases;
  for (CaseRecord record : rehearsed) {
    record.axes.ranks *= 32;
    record.id = case_id(record.axes);
    record.candidate.mark = Mark::rehearsed;
    record.candidate.ranks[0].peak_bytes = 1000 + 16'000'000 / record.axes.ranks;
    cases.push_back(record);
  }
  for (CaseRecord record : priced) {
    record.axes.ranks *= 1024;
    record.id = case_id(record.axes);
    record.candidate.mark = Mark::priced;
    record.candidate.ranks.clear();
    record.candidate.time_ns.clear();
    record.candidate.time_ns_median.reset();
    record.candidate.time_ns_priced = 1e6;
    cases.push_back(record);
  }
  std::vector<std::size_t> time_places, peak_places;
  for (const ScalingRecord& record : scaling_of(cases)) {
    if (record.quantity == "time_ns") time_places.push_back(record.at.size());
    if (record.quantity == "peak_bytes") peak_places.push_back(record.at.size());
  }
  CHECK(time_places == std::vector<std::size_t>{5, 5, 5});
  CHECK(peak_places == std::vector<std::size_t>{10, 5});
}

TEST_CASE("two places are not fitted") {
  std::vector<CaseRecord> cases = over_ranks([](std::int64_t k) { return 1000 + 16'000'000 / k; });
  cases.resize(2);
  CHECK(scaling_of(cases).empty());
}

}  // namespace
}  // namespace ringattn
