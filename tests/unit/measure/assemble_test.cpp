#include "measure/assemble.h"

#include "attention/inputs.h"
#include "config/error.h"
#include "measure/runner.h"
#include "tests/unit/measure/scripted_attention.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

TEST_CASE("rows of all ranks come together by position, whatever the layout, also with empty ranks") {
  for (std::int64_t n : {1, 2, 7, 24}) {
    const auto inputs = generated_inputs({.seed = 1, .batch = 2, .seq_len = n, .heads = 3, .head_dim = 4});
    const at::Tensor query = inputs->rows(InputTensor::query, {{0, n, 1}}, at::kFloat);
    for (int k : {1, 2, 3, 5}) {
      for (bool interleaved : {false, true}) {
        CAPTURE(n);
        CAPTURE(k);
        World world(k);
        ScriptedAttention attention(n, 3, interleaved);
        const Partial whole = assemble(attention, meter(world, attention, *inputs, at::kFloat).results);
        CHECK(at::equal(whole.out, query + 1));
        CHECK(at::equal(whole.lse, at::arange(n, at::kFloat).expand({2, 3, n})));
      }
    }
  }
}

TEST_CASE("without every rank's lse there is none") {
  const ScriptedAttention attention(4, 1, false);
  const at::Tensor out = at::zeros({1, 2, 1, 8});
  const std::vector<Partial> results{{out, at::zeros({1, 1, 2})}, {out, {}}};
  CHECK_FALSE(assemble(attention, results).lse.defined());
}

/// Every rank says that it has these rows.
class Overlapping final : public Attention {
 public:
  explicit Overlapping(Positions rows)
      : Attention({.axes = {}, .pairs = {}, .seq_len = 4, .heads = 1}), rows_(std::move(rows)) {}

 private:
  Positions do_query_positions(int, int) const override { return rows_; }
  Positions do_key_positions(int, int) const override { return rows_; }
  Partial do_forward(Communicator&, const RankInputs&) override { return {}; }
  Positions rows_;
};

TEST_CASE("of whole sequences on every rank, each rank's copy gives its own share") {
  const std::vector<Partial> results{{at::zeros({1, 4, 1, 8}), {}}, {at::ones({1, 4, 1, 8}), {}}};
  const Partial whole = assemble(Overlapping({{0, 4, 1}}), results);
  CHECK(at::equal(whole.out.narrow(1, 0, 2), at::zeros({1, 2, 1, 8})));
  CHECK(at::equal(whole.out.narrow(1, 2, 2), at::ones({1, 2, 1, 8})));
}

TEST_CASE("positions that no rank or several ranks have are refused") {
  const std::vector<Partial> results{{at::zeros({1, 4, 1, 8}), {}}, {at::zeros({1, 4, 1, 8}), {}}};
  CHECK_THROWS_WITH_AS(assemble(Overlapping({{0, 3, 1}}), results),
                       "rank 1: result row at position 0, which rank 0 has too", RuntimeFailure);
  CHECK_THROWS_WITH_AS(assemble(Overlapping({{2, 3, 1}}), results),
                       "rank 0: result row at position 4, must be within 0 … 3", RuntimeFailure);
  CHECK_THROWS_WITH_AS(assemble(Overlapping({}), results), "no rank has the result row at position 0", RuntimeFailure);
}

}  // namespace
}  // namespace ringattn
