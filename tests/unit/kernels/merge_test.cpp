#include "kernels/merge.h"

#include "kernels/convert.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
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

TEST_CASE("merging is commutative and associative to rounding, whatever the rows, empty ones among them") {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  const auto row = [&] {
    const bool is_empty = random() % 6 == 0;
    const float spread = random() % 2 == 0 ? 1.0F : 40.0F;
    Row made{{normal(random), 10.0F * normal(random), normal(random)}, spread * normal(random)};
    return is_empty ? Row{{kNan, kNan, kNan}, kEmpty} : made;
  };
  const auto check_same = [](const Row& one, const Row& other) {
    CHECK((one.lse == other.lse || std::abs(one.lse - other.lse) <= 4e-7F * (1.0F + std::abs(one.lse))));
    if (one.lse == kEmpty) return;
    for (std::size_t i = 0; i < one.out.size(); ++i) CHECK(std::abs(one.out[i] - other.out[i]) <= 2e-5F);
  };
  for (int trial = 0; trial < 2000; ++trial) {
    const Row a = row(), b = row(), c = row();
    check_same(merged(a, b), merged(b, a));
    check_same(merged(merged(a, b), c), merged(a, merged(b, c)));
    check_same(merged(merged(a, b), c), merged(merged(c, a), b));
  }
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

TEST_CASE("rows are found through an index on either side, and the others are left alone") {
  const std::vector<std::int64_t> state_rows{4, 0, 3}, part_rows{1, 2, 0};
  std::vector<double> out(5, 7.0), lse(5, -std::numeric_limits<double>::infinity()), part{1.0, 2.0, 3.0},
      part_lse{0.0, 0.0, 0.0};
  MergeView state = row_view(out.data(), lse.data(), Element::f64, 1);
  MergeView partial = row_view(part.data(), part_lse.data(), Element::f64, 1);
  state.row_index = state_rows.data();
  partial.row_index = part_rows.data();
  merge_partial_cpu({1, 3, 1, 1}, state, partial);
  CHECK(out == std::vector<double>{3.0, 7.0, 7.0, 1.0, 2.0});
  CHECK(std::isinf(lse[1]));
  CHECK(lse[4] == 0.0);
  // A second time: equal masses, so that the mean of both stays and lse grows by log 2.
  merge_partial_cpu({1, 3, 1, 1}, state, partial);
  CHECK(out == std::vector<double>{3.0, 7.0, 7.0, 1.0, 2.0});
  CHECK(lse[3] == doctest::Approx(std::log(2.0)).epsilon(1e-15));
}

TEST_CASE("finishing through an index reads the state's rows and writes the result's") {
  const std::vector<std::int64_t> state_rows{2, 0};
  std::vector<float> out{1.0F, kNan, 3.0F}, lse{0.0F, kEmpty, kEmpty}, result{9.0F, 9.0F};
  MergeView state = row_view(out.data(), lse.data(), Element::f32, 1);
  state.row_index = state_rows.data();
  finish_rows_cpu({1, 2, 1, 1}, state, row_view(result.data(), lse.data(), Element::f32, 1), 2.0);
  CHECK(result == std::vector<float>{0.0F, 2.0F});
}

TEST_CASE("in whatever order partials come, the state is the softmax over all of them") {
  constexpr int kParts = 6;
  double mass = 0.0, sum = 0.0;
  for (int i = 0; i < kParts; ++i) mass += std::exp(i * 0.7 - 2.0), sum += std::exp(i * 0.7 - 2.0) * (i * i);
  for (const int step : {1, 5}) {  // both are prime to 6
    double out = std::nan(""), lse = -std::numeric_limits<double>::infinity();
    for (int n = 0, i = 3; n < kParts; ++n, i = (i + step) % kParts) {
      double part = i * i, part_lse = i * 0.7 - 2.0;
      merge_partial_cpu({1, 1, 1, 1}, row_view(&out, &lse, Element::f64, 1),
                        row_view(&part, &part_lse, Element::f64, 1));
    }
    CHECK(lse == doctest::Approx(std::log(mass)).epsilon(1e-14));
    CHECK(out == doctest::Approx(sum / mass).epsilon(1e-14));
  }
}

TEST_CASE("empty rows among others: batches and heads keep apart") {
  // 2 batches x 2 rows x 2 heads x 1 feature; only (batch 1, row 0, head 1) of the partial saw keys.
  std::vector<float> out(8, kNan), lse(8, kEmpty), part(8, kNan), part_lse(8, kEmpty);
  part[5] = 4.0F, part_lse[5] = 1.0F;
  const auto view = [](std::vector<float>& o, std::vector<float>& l) {
    return MergeView{o.data(), l.data(), Element::f32, 4, 2, 1, 4, 2, 1};
  };
  merge_partial_cpu({2, 2, 2, 1}, view(out, lse), view(part, part_lse));
  finish_rows_cpu({2, 2, 2, 1}, view(out, lse), view(out, lse), 1.0);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(out[i] == (i == 5 ? 4.0F : 0.0F));
    CHECK(lse[i] == (i == 5 ? 1.0F : kEmpty));
  }
}

}  // namespace ringattn::kernels
