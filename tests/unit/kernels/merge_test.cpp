#include "kernels/merge.h"

#include "kernels/convert.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace ringattn::kernels {
namespace {

constexpr float kEmpty = -std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

MergeView row_view(void* out, void* lse, Element element, std::int64_t dim) {
  return {out, lse, element, /*out strides*/ dim, dim, dim, /*lse strides*/ 1, 1, 1};
}

/// One row of `dim` features through the merge.
struct Row {
  std::vector<float> out;
  float lse = kEmpty;
};
Row merged(Row state, Row partial) {
  const auto dim = static_cast<std::int64_t>(state.out.size());
  merge_partial_cpu({1, 1, 1, dim}, row_view(state.out.data(), &state.lse, Element::f32, dim),
                    row_view(partial.out.data(), &partial.lse, Element::f32, dim));
  return state;
}

}  // namespace

TEST_CASE("two partials join by their softmax masses") {
  const Row joined = merged({{1.0F, 0.0F, 2.0F}, std::log(1.0F)}, {{0.0F, 4.0F, 2.0F}, std::log(3.0F)});
  CHECK(joined.lse == doctest::Approx(std::log(4.0)));
  CHECK(joined.out[0] == doctest::Approx(0.25));
  CHECK(joined.out[1] == doctest::Approx(3.0));
  CHECK(joined.out[2] == doctest::Approx(2.0));
}

TEST_CASE("merging is commutative and lse as large as 1e4 does not overflow") {
  const Row a{{1.0F, -3.0F}, 10000.0F};
  const Row b{{5.0F, 2.0F}, 10001.0F};
  CHECK(merged(a, b).out[0] == doctest::Approx(merged(b, a).out[0]));
  CHECK(merged(a, b).lse == doctest::Approx(10001.0 + std::log1p(std::exp(-1.0))));
}

TEST_CASE("an empty partial leaves the state as it is, bit for bit") {
  const Row joined = merged({{1.5F, 2.5F}, 0.25F}, {{kNan, kNan}, kEmpty});
  CHECK(joined.out == std::vector<float>{1.5F, 2.5F});
  CHECK(joined.lse == 0.25F);
}

TEST_CASE("an empty state takes the partial over without reading its own memory") {
  const Row joined = merged({{kNan, kNan}, kEmpty}, {{1.5F, 2.5F}, 0.25F});
  CHECK(joined.out == std::vector<float>{1.5F, 2.5F});
  CHECK(joined.lse == 0.25F);
}

TEST_CASE("two empty rows stay empty") { CHECK(merged({{kNan}, kEmpty}, {{kNan}, kEmpty}).lse == kEmpty); }

TEST_CASE("NaN of either side reaches the result") {
  CHECK(std::isnan(merged({{1.0F}, 0.0F}, {{kNan}, 0.0F}).out[0]));
  CHECK(std::isnan(merged({{1.0F}, 0.0F}, {{1.0F}, kNan}).lse));
  CHECK(std::isnan(merged({{1.0F}, kNan}, {{1.0F}, 0.0F}).lse));
}

TEST_CASE("strided rows of several heads merge in place and nothing between them is touched") {
  // State: 4 rows x 3 heads x 2 features; rows 1 and 3 and heads 1 and 2 are merged.
  std::vector<float> out(4 * 3 * 2, 7.0F), lse(4 * 3, kEmpty);
  std::vector<float> part(2 * 2 * 2), part_lse(2 * 2, 0.0F);
  for (std::size_t i = 0; i < part.size(); ++i) part[i] = static_cast<float>(i);
  const MergeView state{out.data() + (1 * 3 + 1) * 2, lse.data() + 1 * 3 + 1, Element::f32, 0, 2 * 6, 2, 0, 2 * 3, 1};
  const MergeView partial{part.data(), part_lse.data(), Element::f32, 0, 4, 2, 0, 2, 1};
  merge_partial_cpu({1, 2, 2, 2}, state, partial);
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t head = 0; head < 3; ++head) {
      const bool merged_here = (row == 1 || row == 3) && head >= 1;
      const std::size_t place = (row * 3 + head) * 2;
      CHECK(out[place] == (merged_here ? static_cast<float>((row / 2) * 4 + (head - 1) * 2) : 7.0F));
      CHECK(lse[row * 3 + head] == (merged_here ? 0.0F : kEmpty));
    }
  }
}

TEST_CASE("fp64 states keep fp64 accuracy") {
  double out = 1.0, lse = 0.0, part = 2.0, part_lse = 1.0;
  merge_partial_cpu({1, 1, 1, 1}, row_view(&out, &lse, Element::f64, 1), row_view(&part, &part_lse, Element::f64, 1));
  CHECK(lse == doctest::Approx(std::log(1.0 + std::exp(1.0))).epsilon(1e-15));
  CHECK(out == doctest::Approx((1.0 + 2.0 * std::exp(1.0)) / (1.0 + std::exp(1.0))).epsilon(1e-15));
}

TEST_CASE("bf16 partials are read exactly and results are rounded to nearest even") {
  BFloat16Bits part{0x3FC0};  // 1.5
  float out = kNan, lse = kEmpty, part_lse = 0.0F;
  MergeView partial = row_view(&part, &part_lse, Element::bf16, 1);
  merge_partial_cpu({1, 1, 1, 1}, row_view(&out, &lse, Element::f32, 1), partial);
  CHECK(out == 1.5F);
  CHECK(FromFloat<BFloat16Bits>::convert(1.00390625F).bits == 0x3F80);  // halfway between 0x3F80 and 0x3F81: even
  CHECK(FromFloat<BFloat16Bits>::convert(1.01171875F).bits == 0x3F82);  // halfway between 0x3F81 and 0x3F82: even
  CHECK(FromFloat<BFloat16Bits>::convert(3.4e38F).bits == 0x7F80);      // rounds to infinity
  CHECK((FromFloat<BFloat16Bits>::convert(kNan).bits & 0x7FFF) > 0x7F80);
}

TEST_CASE("finishing scales, rounds, and zeroes rows without keys") {
  std::vector<float> out{1.0F, kNan};
  std::vector<float> lse{0.5F, kEmpty};
  std::vector<Float16> half(2, Float16(9));
  finish_rows_cpu({1, 2, 1, 1}, row_view(out.data(), lse.data(), Element::f32, 1),
                  row_view(half.data(), lse.data(), Element::f16, 1), 0.25);
  CHECK(static_cast<float>(half[0]) == 0.25F);
  CHECK(static_cast<float>(half[1]) == 0.0F);
  finish_rows_cpu({1, 2, 1, 1}, row_view(out.data(), lse.data(), Element::f32, 1),
                  row_view(out.data(), lse.data(), Element::f32, 1), 1.0);
  CHECK(out == std::vector<float>{1.0F, 0.0F});
}

TEST_CASE("a state of another type than f32 or f64 is refused") {
  float out = 0, lse = 0;
  CHECK_THROWS_AS(
      merge_partial_cpu({1, 1, 1, 1}, row_view(&out, &lse, Element::bf16, 1), row_view(&out, &lse, Element::f32, 1)),
      std::invalid_argument);
}

}  // namespace ringattn::kernels
