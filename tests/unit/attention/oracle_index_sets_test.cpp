#include "attention/attends.h"
#include "attention/index_sets.h"
#include "functions.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

/// Definition of equality, by walking every (head, query, key): the weights of all pairs together.
bool same_by_walking(const AttentionFunction& f, const AttentionFunction& g) {
  const auto weight = [](const AttentionFunction& function, std::int64_t head, std::int64_t query, std::int64_t key) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < function.pairs.size(); ++i) {
      sum += attends(function, static_cast<std::int64_t>(i), head, query, key) ? 1 : 0;
    }
    return sum;
  };
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key) {
        if (weight(f, head, query, key) != weight(g, head, query, key)) return false;
      }
    }
  }
  return true;
}

}  // namespace

TEST_CASE("dilated and dilated_keys are the same where nothing is dilated, but for the division by G") {
  const AttentionFunction f = test::dilated({{4, 1}, {8, 1}}, 8, 4, true);
  AttentionFunction g = test::dilated_keys({{4, 1}, {8, 1}}, 8, 4, true);
  const auto difference = first_index_difference(f, g);
  REQUIRE(difference.has_value());
  CHECK(difference->kind == IndexDifference::Kind::scale);
  CHECK(to_string(*difference) == "head 0, query 0: the result is multiplied by 0.5 and by 1");
  g.axes.join = JoinRule::groups;
  CHECK(same_index_sets(f, g));
}

TEST_CASE("the first differing head, query and key is named") {
  AttentionFunction f = test::dilated({{4, 1}, {4, 2}}, 8, 2, false);
  AttentionFunction g = test::dilated_keys({{4, 1}, {4, 2}}, 8, 2, false);
  g.axes.join = JoinRule::groups;
  const auto difference = first_index_difference(f, g);
  REQUIRE(difference.has_value());
  CHECK(to_string(*difference) == "head 1, query 0: key 1 is attended by the second alone");
  CHECK(to_string(*first_index_difference(g, f)) == "head 1, query 0: key 1 is attended by the first alone");
}

TEST_CASE("functions of other lengths or head counts differ in shape") {
  CHECK(first_index_difference(test::dense(8, 2, false), test::dense(9, 2, false))->kind ==
        IndexDifference::Kind::shape);
  CHECK(first_index_difference(test::dense(8, 2, false), test::dense(8, 3, false))->kind ==
        IndexDifference::Kind::shape);
}

TEST_CASE("equal sets that are spelled differently are equal") {
  // One segment of n is the whole sequence; every residue class of rate 1 is everything.
  AttentionFunction f = test::dilated_keys({{16, 1}}, 16, 3, true);
  CHECK(same_index_sets(f, test::dense(16, 3, true)));
  // A query's own class, joined over all rows, equals two heads' offsets only where n = 1.
  f.pairs = {{16, 2}};
  CHECK_FALSE(same_index_sets(f, test::dense(16, 3, true)));
  // Two pairs that split the heads but say the same are one pair.
  CHECK(
      same_index_sets(test::dilated_keys({{8, 1}, {8, 1}}, 16, 4, false), test::dilated_keys({{8, 1}}, 16, 4, false)));
}

TEST_CASE("keys that several pairs give one softmax count once for each pair") {
  AttentionFunction f = test::dilated_keys({{8, 1}, {8, 1}}, 8, 2, false);
  f.axes.heads = HeadRule::all;
  f.axes.join = JoinRule::softmax;
  const auto difference = first_index_difference(f, test::dense(8, 2, false));
  REQUIRE(difference.has_value());
  CHECK(to_string(*difference) == "head 0, query 0: key 0 counts 2 times and 1 times");
}

TEST_CASE("the answer equals a walk over every head, query and key") {
  std::int64_t equal = 0;
  std::int64_t unequal = 0;
  for (int a = 0; a < 96; ++a) {
    for (int b = 0; b < 96; b += 5) {
      const auto function = [](int code) {
        AttentionFunction f = test::dilated_keys({{4, 1}, {code % 2 == 0 ? 6 : 4, 1 + code / 48}}, 11, 3, true);
        f.axes.tail = static_cast<TailRule>(code / 2 % 3);
        f.axes.offset = code / 6 % 2 == 0 ? OffsetRule::pair : OffsetRule::zero;
        f.axes.keys = static_cast<KeyRule>(code / 12 % 4);
        return f;
      };
      const bool same = same_index_sets(function(a), function(b));
      REQUIRE(same == same_by_walking(function(a), function(b)));
      (same ? equal : unequal) += 1;
    }
  }
  CHECK(equal > 100);
  CHECK(unequal > 100);
}

TEST_CASE("the covered share counts the rows that see a key") {
  CHECK(covered_share(test::dense(64, 8, true)) == 1.0);
  // Groups of equal size: (1 + 1/2 + 1/4) / 3 and (1 + 1/2 + 1/4 + 1/8) / 4.
  CHECK(covered_share(test::dilated({{64, 1}, {128, 2}, {256, 4}}, 512, 6, false)) == doctest::Approx(1.75 / 3));
  CHECK(covered_share(test::dilated({{64, 1}, {128, 2}, {256, 4}, {512, 8}}, 512, 8, false)) ==
        doctest::Approx(1.875 / 4));
  // dilated_keys, causal: with r = 2, o = 1 the first row of each segment of 4 sees nothing; the first head is dense.
  CHECK(covered_share(test::dilated_keys({{4, 1}, {4, 2}}, 8, 2, true)) == doctest::Approx(14.0 / 16));
}

TEST_CASE("key heads, softmax scale, mask shape and dropout probability make functions differ before any row does") {
  const AttentionFunction f = test::dense(8, 4, true);
  const auto difference = [&](auto change) {
    AttentionFunction g = f;
    change(g);
    const auto found = first_index_difference(f, g);
    return found ? to_string(*found) : std::string();
  };
  CHECK(difference([](auto& g) { g.kv_heads = 2; }) == "the functions have 4 and 2 key and value heads");
  CHECK(difference([](auto& g) { g.kv_heads = 4; }).empty());  // 0 stands for as many as heads
  CHECK(difference([](auto& g) { g.softmax_scale = 0.25; }) == "the scores are multiplied by 1/√head_dim and by 0.25");
  CHECK(difference([](auto& g) { g.mask.kind = MaskKind::keys; }) ==
        "the functions take attention masks of different kinds");
  CHECK(difference([](auto& g) { g.dropout = 0.1; }) == "weights are dropped with probability 0 and 0.1");
  CHECK(difference([](auto& g) { g.dropout_seed = 5; }).empty());
}

TEST_CASE("causality, window and documents count by the keys that they leave") {
  AttentionFunction f = test::dense(8, 2, true);
  AttentionFunction g = test::dense(8, 2, false);
  g.window = {-1, 0};  // no key after the query: causality
  CHECK(same_index_sets(f, g));
  g.window = {100, 0};
  CHECK(same_index_sets(f, g));
  g.window = {3, 0};
  CHECK(to_string(*first_index_difference(f, g)) == "head 0, query 4: key 0 is attended by the first alone");
  f.documents = {0, 8};
  CHECK(same_index_sets(f, test::dense(8, 2, true)));
  f.documents = {0, 3, 8};
  CHECK(to_string(*first_index_difference(test::dense(8, 2, true), f)) ==
        "head 0, query 3: key 0 is attended by the first alone");
  // Two documents of 4 are two segments of 4.
  f = test::dense(8, 2, false);
  f.documents = {0, 4, 8};
  CHECK(same_index_sets(f, test::dilated_keys({{4, 1}}, 8, 2, false)));
}

TEST_CASE("curves count by the positions of their keys") {
  AttentionFunction f = test::dilated_keys({{16, 4}}, 16, 2, true);
  AttentionFunction g = f;
  g.axes.order = OrderRule::hilbert;  // keys 0 7 8 10 instead of 0 4 8 12
  CHECK(to_string(*first_index_difference(f, g)) == "head 0, query 4: key 4 is attended by the first alone");
  CHECK(same_index_sets(g, g));
  g.axes.order = OrderRule::snake;  // the identity up to 64
  CHECK(same_index_sets(f, g));
  f.pairs = g.pairs = {{16, 1}};
  g.axes.order = OrderRule::hilbert;  // nothing is dilated
  CHECK(same_index_sets(f, g));
  // Turned and hilbert's order agree on no class of 128 rows.
  f = test::dilated_keys({{128, 4}}, 128, 1, false);
  f.axes.order = OrderRule::turned;
  g = f;
  g.axes.order = OrderRule::hilbert;
  CHECK_FALSE(same_index_sets(f, g));
}

TEST_CASE("the covered share counts what window and documents leave, not what a mask may hide") {
  AttentionFunction f = test::dilated_keys({{8, 4}}, 8, 1, false);  // keys 0 and 4
  f.window = {1, 0};                                                // rows 0, 1, 4, 5
  CHECK(covered_share(f) == 0.5);
  f.documents = {0, 5, 8};  // row 5 loses key 4
  CHECK(covered_share(f) == 3.0 / 8);
  f.mask.kind = MaskKind::scores;
  CHECK(covered_share(f) == 3.0 / 8);
  AttentionFunction curved = test::dilated({{16, 4}}, 16, 1, false);
  curved.axes.order = OrderRule::hilbert;
  CHECK(covered_share(curved) == 0.25);
  curved.window = {0, 0};
  curved.axes.queries = QueryRule::all;
  CHECK(covered_share(curved) == 0.25);
}

}  // namespace ringattn
