#include "legacy/merges.h"

#include "legacy/semantics.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

namespace ringattn::legacy {
namespace {

at::Tensor wave(std::int64_t rows, double frequency) {
  return at::arange(rows * 2 * 4, at::kDouble).mul(frequency).sin().mul(2.0).view({1, rows, 2, 4});
}

struct Chunked {
  at::Tensor query = wave(6, 0.7), key = wave(9, 1.3), value = wave(9, 2.1);
  at::Tensor whole() const { return attend_or_nan(query, key, value); }
  at::Tensor keys(std::int64_t first, std::int64_t rows) const { return key.narrow(1, first, rows); }
  at::Tensor values(std::int64_t first, std::int64_t rows) const { return value.narrow(1, first, rows); }
};

at::Tensor online(const Chunked& in, OnlineSoftmax softmax, double epsilon) {
  for (const auto& [first, rows] : {std::pair{3, 4}, std::pair{0, 3}, std::pair{7, 2}})
    softmax.add(masked_scores(in.query, in.keys(first, rows)), in.values(first, rows));
  return softmax.result(epsilon);
}

}  // namespace

TEST_CASE("the accumulator by logsumexp and the online softmax give one softmax over all chunks") {
  const Chunked in;
  LseAccumulator accumulator;
  for (const std::int64_t first : {6, 0, 3})
    accumulator.add(attend_with_lse(in.query, in.keys(first, 3), in.values(first, 3)));
  CHECK(at::allclose(accumulator.out(), in.whole(), 0, 1e-8));
  CHECK(at::allclose(accumulator.lse(), at::logsumexp(masked_scores(in.query, in.key), -1), 0, 1e-8));
  CHECK(at::allclose(online(in, OnlineSoftmax(), 0.0), in.whole()));
  CHECK(at::allclose(online(in, OnlineSoftmax(OnlineSoftmax::Maximum::none), 1e-8), in.whole(), 0, 1e-7));
}

TEST_CASE("without a running maximum, scores above 88 overflow in fp32") {
  const at::Tensor one = at::full({1, 1, 1, 1}, 1.0f), scores = at::full({1, 1, 1, 1}, 89.0f);
  OnlineSoftmax stable, unstable(OnlineSoftmax::Maximum::none);
  stable.add(scores, one);
  unstable.add(scores, one);
  CHECK(stable.result().item<float>() == 1.0f);
  CHECK(unstable.result().isnan().item<bool>());
}

TEST_CASE("a row whose first chunk is all masked stays NaN; one whose later chunk is does not") {
  const Chunked in;
  const at::Tensor nothing = at::zeros({6, 3}, at::kBool);
  const at::Tensor masked = masked_scores(in.query, in.keys(0, 3), nothing);
  const at::Tensor seen = masked_scores(in.query, in.keys(3, 3));
  OnlineSoftmax masked_first, masked_last;
  masked_first.add(masked, in.values(0, 3));
  masked_first.add(seen, in.values(3, 3));
  masked_last.add(seen, in.values(3, 3));
  masked_last.add(masked, in.values(0, 3));
  CHECK(masked_first.result().isnan().all().item<bool>());
  CHECK(at::allclose(masked_last.result(), attend_or_nan(in.query, in.keys(3, 3), in.values(3, 3))));
}

TEST_CASE("the accumulator spreads the NaN of a masked chunk, and a plain sum is as many times too large as chunks") {
  const Chunked in;
  LseAccumulator accumulator;
  accumulator.add(attend_with_lse(in.query, in.keys(3, 3), in.values(3, 3)));
  accumulator.add(attend_with_lse(in.query, in.keys(0, 3), in.values(0, 3), at::zeros({6, 3}, at::kBool)));
  CHECK(accumulator.out().isnan().all().item<bool>());
  PlainSum sum;
  sum.add(in.whole());
  sum.add(in.whole());
  CHECK(at::allclose(sum.result(), 2 * in.whole()));
  CHECK(at::allclose(sum.result(2.0), in.whole()));
}

}  // namespace ringattn::legacy
