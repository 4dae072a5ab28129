#include "legacy/semantics.h"

#include "legacy/raises.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn::legacy {
namespace {

std::vector<std::int64_t> listed(const at::Tensor& index) {
  return {index.data_ptr<std::int64_t>(), index.data_ptr<std::int64_t>() + index.numel()};
}

FullInputs waves(std::int64_t n, std::int64_t heads, std::int64_t dim = 3) {
  const auto wave = [&](double frequency) {
    return at::arange(n * heads * dim, at::kDouble).mul(frequency).sin().view({1, n, heads, dim});
  };
  return {wave(0.7), wave(1.3), wave(2.1)};
}

std::vector<std::int64_t> sizes(GroupRule rule, std::int64_t heads, std::size_t pairs) {
  std::vector<std::int64_t> counts;
  for (const HeadGroup& group : head_groups(rule, heads, pairs)) counts.push_back(group.count);
  return counts;
}

}  // namespace

TEST_CASE("the cyclic index repeats the dilated positions and cuts them to the length") {
  CHECK(listed(strided_index(1, 10, 3, at::kCPU)) == std::vector<std::int64_t>{1, 4, 7});
  CHECK(listed(cyclic_index(1, 10, 3, at::kCPU)) == std::vector<std::int64_t>{1, 4, 7, 1, 4, 7, 1, 4, 7, 1});
}

TEST_CASE("an offset at the end of a segment selects nothing, one beyond it raises") {
  CHECK(strided_index(2, 2, 4, at::kCPU).numel() == 0);
  CHECK_THROWS_AS(strided_index(3, 2, 4, at::kCPU), LegacyRaises);
  CHECK_THROWS_WITH_AS(cyclic_index(2, 2, 4, at::kCPU), "raises: ZeroDivisionError: integer division or modulo by zero",
                       LegacyRaises);
}

TEST_CASE("eight heads of three pairs are shared out by each rule") {
  CHECK(sizes(GroupRule::first_larger, 8, 3) == std::vector<std::int64_t>{3, 3, 2});
  CHECK(sizes(GroupRule::last_larger, 8, 3) == std::vector<std::int64_t>{2, 3, 3});
  CHECK(sizes(GroupRule::last_takes_rest, 8, 3) == std::vector<std::int64_t>{2, 2, 4});
  CHECK(sizes(GroupRule::all_heads, 8, 3) == std::vector<std::int64_t>{8, 8, 8});
}

TEST_CASE("a row that sees nothing is NaN, as softmax makes it") {
  const FullInputs inputs = waves(3, 1);
  const at::Tensor visible = at::ones({3, 3}, at::kBool).tril(-1);
  const at::Tensor out = attend_or_nan(inputs.query, inputs.key, inputs.value, visible);
  CHECK(out.select(1, 0).isnan().all().item<bool>());
  CHECK(out.narrow(1, 1, 2).isfinite().all().item<bool>());
}

TEST_CASE("with one head, mixing heads returns the value whatever query and key are") {
  const FullInputs inputs = waves(5, 1);
  CHECK(at::allclose(mix_heads(inputs, true), inputs.value));
  CHECK_FALSE(at::allclose(mix_heads(waves(5, 2), false), waves(5, 2).value));
}

TEST_CASE("undilated whole segments: dilated keys and co-indexed rows are the same function") {
  const FullInputs inputs = waves(24, 4);
  const auto parts = pair_parts({{8, 1}, {12, 1}}, 4, GroupRule::last_larger);
  for (const bool is_causal : {false, true}) {
    CHECK(
        at::allclose(keys_by_segment(inputs, parts, is_causal), co_indexed(inputs, parts, attention_mixer(is_causal))));
  }
}

TEST_CASE("where r divides w, dilated keys agree with co-indexed rows at dilated rows alone") {
  const FullInputs inputs = waves(24, 2);
  const auto parts = pair_parts({{12, 3}}, 2, GroupRule::last_larger);
  const at::Tensor keys = keys_by_segment(inputs, parts, false);
  const at::Tensor rows = co_indexed(inputs, parts, attention_mixer(false));
  CHECK(at::allclose(keys.slice(1, 0, 24, 3), rows.slice(1, 0, 24, 3)));
  CHECK(rows.slice(1, 1, 24, 3).eq(0).all().item<bool>());
  CHECK(keys.slice(1, 1, 24, 3).abs().max().item<double>() > 0.01);
}

TEST_CASE("dilating the whole sequence leaves r = 1 and sequences shorter than r as they are") {
  const at::Tensor rows = waves(5, 2).query;
  const auto dilated = [&](std::int64_t r) {
    return dilate_whole(rows, pair_parts({{4, 1}, {4, r}}, 2, GroupRule::last_larger));
  };
  CHECK(at::equal(dilated(6), rows));
  CHECK(at::equal(dilated(2).select(2, 0), rows.select(2, 0)));
  CHECK(at::equal(dilated(2).select(2, 1), rows.select(2, 1).index_select(1, at::tensor({1L, 3L, 1L, 3L, 1L}))));
}

}  // namespace ringattn::legacy
