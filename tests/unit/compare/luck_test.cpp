#include "compare/tensor_judge.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

namespace ringattn {
namespace {

/// Errors of `rows` rows of `dims` elements; alike: one error a row.
ErrorSums errors(std::int64_t rows, std::int64_t dims, bool alike, std::mt19937& random) {
  std::normal_distribution<double> normal;
  std::vector<double> got(static_cast<std::size_t>(rows * dims)), want(got.size(), 1.0);
  for (std::int64_t row = 0; row < rows; ++row) {
    double error = normal(random);
    for (std::int64_t dim = 0; dim < dims; ++dim) {
      if (!alike) error = normal(random);
      got[static_cast<std::size_t>(row * dims + dim)] = 1.0 + 1e-3 * error;
    }
  }
  return block_sums({got.data(), dims}, {want.data(), dims}, rows, dims, {});
}

double rmse(const ErrorSums& sums) { return std::sqrt(sums.error_squares / static_cast<double>(sums.elements)); }

}  // namespace

TEST_CASE("a yardstick of many independent errors leaves nothing to luck") {
  std::mt19937 random(1);
  CHECK(luck_of(errors(64, 16, false, random)) == 1.0);
  CHECK(luck_of(errors(32, 8, false, random)) == 1.0);
  CHECK(luck_of(ErrorSums{}) == 1.0);
  CHECK(luck_of(errors(2, 4, false, random)) > 2.0);
}

TEST_CASE("errors that are alike, and errors of which one is all, count as few") {
  std::mt19937 random(2);
  const double alike = luck_of(errors(16, 32, true, random));
  CHECK(alike > 1.4);
  CHECK(alike < 4.0);
  ErrorSums one = errors(64, 16, false, random);
  one.error_squares += 1.0;
  one.error_fourths += 1.0;
  CHECK(luck_of(one) > 4.0);
}

TEST_CASE("of a hundred thousand couples of results that err alike none is beyond twice the lucky yardstick") {
  std::mt19937 random(3);
  int beyond_twice = 0, beyond_luck = 0;
  for (int trial = 0; trial < 100'000; ++trial) {
    const ErrorSums yardstick = errors(2, 6, false, random), result = errors(2, 6, false, random);
    if (rmse(result) > 2.0 * rmse(yardstick)) ++beyond_twice;
    if (rmse(result) > 2.0 * luck_of(yardstick) * rmse(yardstick)) ++beyond_luck;
  }
  CHECK(beyond_twice > 100);
  CHECK(beyond_luck == 0);
}

}  // namespace ringattn
