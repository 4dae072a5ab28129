#include "legacy/undivided.h"

#include "config/error.h"
#include "legacy/block_pattern.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

namespace ringattn::legacy {
namespace {

ChunkResult chunk_of_ones() { return {at::ones({1, 3, 2, 4}), at::full({1, 2, 3}, 0.5)}; }

double grown(UndividedSum::Lse rule, int chunks) {
  UndividedSum sum(at::zeros({1, 3, 2, 4}), rule);
  for (int i = 0; i < chunks; ++i) sum.add(chunk_of_ones());
  return sum.result().out.mean().item<double>();
}

}  // namespace

TEST_CASE("an undivided sum of equal chunks grows by the harmonic numbers, or by their count") {
  CHECK(grown(UndividedSum::Lse::summed, 1) == doctest::Approx(1.0));
  CHECK(grown(UndividedSum::Lse::summed, 2) == doctest::Approx(2.0));
  CHECK(grown(UndividedSum::Lse::summed, 4) == doctest::Approx(1.0 + 1.0 + 1.0 / 2 + 1.0 / 3));
  CHECK(grown(UndividedSum::Lse::maximum, 4) == doctest::Approx(4.0));
}

TEST_CASE("a part of the rows is added in its place, and rows that nothing reaches twice are NaN") {
  UndividedSum sum(at::zeros({1, 5, 2, 4}));
  sum.add(chunk_of_ones(), 1);
  CHECK(sum.result().out.select(1, 0).abs().max().item<double>() == 0.0);
  UndividedSum outer(at::zeros({1, 5, 2, 4}));
  outer.add(sum.result());
  CHECK(outer.result().out.select(1, 4).isnan().all().item<bool>());
  CHECK(outer.result().out.narrow(1, 1, 3).eq(1.0).all().item<bool>());
}

TEST_CASE("block patterns have the density counted on the released ones") {
  const auto density = [](std::int64_t rows) {
    return natural_pattern({.block_size = 64}, rows).to(at::kDouble).mean().item<double>();
  };
  CHECK(density(1024) == doctest::Approx(0.484).epsilon(0.001));
  CHECK(density(8192) == doctest::Approx(0.069).epsilon(0.01));
}

TEST_CASE("a pattern is drawn only where its density has to change") {
  const BlockSetting whole{.block_size = 8, .sparsity_ratio = 0.0};
  CHECK(forced_pattern(whole, 32, 2).all().item<bool>());
  // One head's band at density 0.4375 of 8 × 8 blocks: j - i in [-2, 1].
  const at::Tensor band = forced_pattern({.block_size = 8, .sparsity_ratio = 0.5625, .pattern_type = "dilated"}, 64, 1);
  CHECK(band.equal(at::ones({8, 8}, at::kBool).triu(-2).tril(1)));
  CHECK_THROWS_AS(forced_pattern({.block_size = 8}, 64, 1), Unavailable);
}

TEST_CASE("rows behind the last whole block see nothing") {
  const at::Tensor visible = visible_in_blocks(at::ones({2, 2}), 24, 64);
  CHECK(visible.narrow(0, 0, 48).narrow(1, 0, 48).all().item<bool>());
  CHECK_FALSE(visible.narrow(0, 48, 16).any().item<bool>());
}

}  // namespace ringattn::legacy
