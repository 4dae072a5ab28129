#include "measure/statistics.h"

#include "config/error.h"
#include "measure/pairing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace ringattn {
namespace {

TEST_CASE("the median is the middle value, or the mean of the two middle ones, in any order") {
  CHECK(median(std::vector<double>{5}) == 5);
  CHECK(median(std::vector<double>{3, 1, 2}) == 2);
  CHECK(median(std::vector<double>{4, 1, 3, 2}) == 2.5);
  CHECK_THROWS_AS(median({}), UsageError);
}

TEST_CASE("the ranks around the median are those of the binomial distribution") {
  const auto ranks = [](int n) { return *median_ranks(n); };
  CHECK(ranks(6).low == 1);
  CHECK(ranks(6).high == 6);
  CHECK(ranks(6).coverage == doctest::Approx(0.96875));
  CHECK(ranks(15).low == 4);
  CHECK(ranks(15).high == 12);
  CHECK(ranks(15).coverage == doctest::Approx(0.965).epsilon(1e-3));
  CHECK(ranks(20).low == 6);
  CHECK(ranks(20).high == 15);
  CHECK(ranks(20).coverage == doctest::Approx(0.959).epsilon(1e-3));
  CHECK(ranks(21).low == 6);
  CHECK(ranks(21).high == 16);
  CHECK(ranks(21).coverage == doctest::Approx(0.973).epsilon(1e-3));
  CHECK(ranks(31).low == 10);
  CHECK(ranks(31).high == 22);
  CHECK(ranks(31).coverage == doctest::Approx(0.971).epsilon(1e-3));
  CHECK(ranks(5000).coverage >= 0.95);
  CHECK(ranks(5000).low == 2431);
}

TEST_CASE("fewer than six values have no interval at 95 percent") {
  for (int n = 0; n < 6; ++n) CHECK_FALSE(median_ranks(n).has_value());
  const MedianEstimate estimate = estimate_median(std::vector<double>{1, 2, 3, 4, 5});
  CHECK(estimate.median == 3);
  CHECK_FALSE(estimate.low.has_value());
  CHECK_FALSE(estimate.high.has_value());
}

TEST_CASE("every n from six on has the narrowest interval that covers 95 percent") {
  for (int n = 6; n <= 200; ++n) {
    CAPTURE(n);
    const auto ranks = median_ranks(n);
    REQUIRE(ranks.has_value());
    CHECK(ranks->coverage >= 0.95);
    CHECK(ranks->low + ranks->high == n + 1);
    // Exactly, in integers where they fit: sum of C(n, i) for low <= i < high, and one rank further in.
    if (n > 60) continue;
    std::vector<double> row(static_cast<std::size_t>(n) + 1, 0);
    row[0] = 1;
    for (int i = 1; i <= n; ++i) {
      for (int j = i; j > 0; --j) row[static_cast<std::size_t>(j)] += row[static_cast<std::size_t>(j - 1)];
    }
    const auto covered = [&](int low) {
      return std::accumulate(row.begin() + low, row.begin() + (n + 1 - low), 0.0) /
             std::accumulate(row.begin(), row.end(), 0.0);
    };
    CHECK(covered(ranks->low) == doctest::Approx(ranks->coverage));
    CHECK(covered(ranks->low + 1) < 0.95);
  }
}

TEST_CASE("the estimate takes the order statistics of shuffled values") {
  std::vector<double> values(21);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 8 % 21 + 1);
  const MedianEstimate estimate = estimate_median(values);
  CHECK(estimate.median == 11);
  CHECK(*estimate.low == 6);
  CHECK(*estimate.high == 16);
}

TEST_CASE("ratios are taken pair by pair, so that common drift cancels") {
  const std::vector<std::int64_t> legacy{100, 200, 400}, candidate{110, 220, 440};
  for (const double ratio : pair_ratios(candidate, legacy)) CHECK(ratio == doctest::Approx(1.1));
  CHECK_THROWS_WITH_AS(pair_ratios(candidate, std::vector<std::int64_t>{1}),
                       "pairs: 3 candidate times, 1 legacy times, must be equally many", UsageError);
  CHECK_THROWS_WITH_AS(pair_ratios(candidate, std::vector<std::int64_t>{1, 0, 1}),
                       "pair 1: times 220 and 0 ns, must be positive", UsageError);
}

TEST_CASE("the relative spread ignores a single spike") {
  CHECK(relative_spread(std::vector<double>{7}) == 0);
  CHECK(relative_spread(std::vector<double>{10, 10, 10, 1000}) == 0);
  CHECK(relative_spread(std::vector<double>{8, 9, 10, 11, 12, 13, 14, 15}) == doctest::Approx(4 / 11.5));
}

TEST_CASE("pairs run in ABBA order") {
  CHECK(pair_order(2, 0) == std::vector<int>{0, 1});
  CHECK(pair_order(2, 1) == std::vector<int>{1, 0});
  CHECK(pair_order(2, 2) == std::vector<int>{0, 1});
  CHECK(pair_order(1, 1) == std::vector<int>{0});
  CHECK(pair_order(3, 1) == std::vector<int>{2, 1, 0});
}

}  // namespace
}  // namespace ringattn
