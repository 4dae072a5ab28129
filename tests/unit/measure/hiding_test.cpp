#include "measure/hiding.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <cmath>

namespace ringattn {
namespace {

/// bf16, so many TFLOP/s over so many GB/s, in whole rows.
long rows(double tera, double giga, double heads_per_key = 1.0, bool is_causal = false) {
  return std::lround(hiding_length({.flops_per_s = tera * 1e12,
                                    .bytes_per_s = giga * 1e9,
                                    .heads_per_key = heads_per_key,
                                    .is_balanced_causal = is_causal}));
}

TEST_CASE("the length from which a hop hides is that of the published table, bf16 forward") {
  CHECK(rows(370, 180) == 2056);
  CHECK(rows(600, 329) == 1824);
  CHECK(rows(600, 450) == 1333);
  CHECK(rows(660, 370) == 1784);
  CHECK(rows(989, 450) == 2198);
  CHECK(rows(600, 180, 4) == 833);
  CHECK(rows(600, 370, 8) == 203);
}

TEST_CASE("A100 over InfiniBand needs the block that the Ring Attention paper gives") {
  CHECK(rows(312, 12.5) == 24960);
  CHECK(rows(312, 300) == 1040);
}

TEST_CASE("balanced causal work needs twice the length, dilated keys r times, fp32 twice that of bf16") {
  CHECK(rows(600, 450, 1, true) == 2667);
  CHECK(hiding_length_dilated(1000.0, 4) == 4000.0);
  const double narrow = hiding_length({.flops_per_s = 1e12, .bytes_per_s = 1e9, .element_bytes = 2});
  CHECK(hiding_length({.flops_per_s = 1e12, .bytes_per_s = 1e9, .element_bytes = 4}) == 2 * narrow);
}

TEST_CASE("backward: gradients travel with K and V") {
  const auto backward = [](double giga, double gradient_bytes, double heads_per_key) {
    return std::lround(hiding_length_backward(
        {.flops_per_s = 520e12, .bytes_per_s = giga * 1e9, .heads_per_key = heads_per_key}, gradient_bytes));
  };
  CHECK(backward(329, 4, 1) == 1897);
  CHECK(backward(370, 4, 1) == 1686);
  CHECK(backward(450, 4, 1) == 1387);
  CHECK(backward(370, 2, 1) == 1124);
  CHECK(backward(450, 4, 4) == 347);
}

TEST_CASE("with latency the length is where the tiles take as long as latency and transfer together") {
  const HidingProblem problem{.flops_per_s = 1e12, .bytes_per_s = 1e10, .heads_per_key = 2};
  CHECK(hiding_length(problem, 0.0, 2, 8, 64) == doctest::Approx(hiding_length(problem)));
  const double length = hiding_length(problem, 1e-4, 2, 8, 64);
  const double row_heads = 2 * 8 * 64;
  const double tiles = 4 * row_heads * length * length / 1e12;
  const double transfer = 1e-4 + 2 * row_heads / 2 * length * 2 / 1e10;
  CHECK(tiles == doctest::Approx(transfer));
}

TEST_CASE("a rate or bandwidth of nothing is refused by its name") {
  CHECK_THROWS_WITH_AS(hiding_length({.flops_per_s = 0, .bytes_per_s = 1}), doctest::Contains("flops_per_s"),
                       UsageError);
  CHECK_THROWS_WITH_AS(hiding_length({.flops_per_s = 1, .bytes_per_s = -1}), doctest::Contains("bytes_per_s"),
                       UsageError);
}

}  // namespace
}  // namespace ringattn
