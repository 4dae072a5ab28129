#include "compare/definition_mask.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace ringattn {
namespace {

/// Two pairs, tiles of 4 and of 8 with every other key, all heads.
AttentionFunction two_pairs(JoinRule join) {
  PatternAxes axes;
  axes.placement = Placement::tiles;
  axes.offset = OffsetRule::zero;
  axes.keys = KeyRule::dilated;
  axes.join = join;
  return {axes, {{4, 1}, {8, 2}}, 8, 2, false};
}

/// Digits of the counts, one string a row.
std::vector<std::string> rows_of(const at::Tensor& counts) {
  std::vector<std::string> rows;
  for (std::int64_t row = 0; row < counts.size(0); ++row) {
    std::string text;
    for (std::int64_t key = 0; key < counts.size(1); ++key)
      text += std::to_string(static_cast<int>(counts[row][key].item<float>()));
    rows.push_back(text);
  }
  return rows;
}

using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("join softmax counts a key once for each pair, and the additive mask is the logarithm of that") {
  AttentionFunction f = two_pairs(JoinRule::softmax);
  f.is_causal = true;
  const std::vector<DefinitionMask> masks = definition_masks(f, 1, {});
  REQUIRE(masks.size() == 1);
  CHECK(masks[0].scale == 1.0);
  CHECK(rows_of(masks[0].counts) ==
        Rows{"20000000", "21000000", "21200000", "21210000", "10102000", "10102100", "10102120", "10102121"});
  const at::Tensor additive = masks[0].additive();
  CHECK(additive[1][0].item<float>() == doctest::Approx(std::log(2.0)));
  CHECK(additive[1][1].item<float>() == 0.0F);
  CHECK(additive[1][2].item<float>() == -std::numeric_limits<float>::infinity());
}

TEST_CASE("join mean has one softmax for each pair, each with its share") {
  AttentionFunction f = two_pairs(JoinRule::mean);
  f.window = {2, 2};
  const std::vector<DefinitionMask> masks = definition_masks(f, 0, {0, 5});
  REQUIRE(masks.size() == 2);
  CHECK(masks[0].scale == 0.5);
  CHECK(masks[1].scale == 0.5);
  CHECK(rows_of(masks[0].counts) == Rows{"11100000", "00001111"});
  CHECK(rows_of(masks[1].counts) == Rows{"10100000", "00001010"});
}

TEST_CASE("window, documents, curves and chosen rows; join groups has the share of its groups") {
  PatternAxes axes;
  axes.placement = Placement::whole;
  axes.heads = HeadRule::first;
  axes.offset = OffsetRule::zero;
  axes.keys = KeyRule::dilated;
  axes.join = JoinRule::groups;
  axes.order = OrderRule::hilbert;
  AttentionFunction f{axes, {{16, 1}, {16, 4}}, 16, 2, false};
  f.documents = {0, 9, 16};
  f.window = {-1, 6};
  const std::vector<DefinitionMask> masks = definition_masks(f, 1, {2, 0, 10});  // keys 0 7 8 10
  REQUIRE(masks.size() == 1);
  CHECK(masks[0].scale == 0.5);
  CHECK(rows_of(masks[0].counts) == Rows{"1000000110000000", "1000000000000000", "0000000000100000"});
  CHECK(rows_of(definition_masks(f, 0, {10})[0].counts) == Rows{"0000000001111111"});
}

TEST_CASE("a malformed function is refused") {
  AttentionFunction f = two_pairs(JoinRule::single);
  CHECK_THROWS_AS(definition_masks(f, 0, {}), UsageError);
}

}  // namespace ringattn
