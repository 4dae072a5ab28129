#include "attention/interface.h"

#include "comm/world.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace ringattn {
namespace {

/// Returns what it is told to, for four positions split contiguously.
class Scripted final : public Attention {
 public:
  explicit Scripted(std::function<Partial(const RankInputs&)> result, const AttentionFunction& function = dense())
      : Attention(function), result_(std::move(result)) {}

  static AttentionFunction dense() { return {.axes = {}, .pairs = {}, .seq_len = 4, .heads = 2}; }

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return contiguous_positions(4, rank, world_size);
  }
  Positions do_key_positions(int, int) const override { return {{0, 4, 1}}; }
  Partial do_forward(Communicator&, const RankInputs& inputs) override { return result_(inputs); }
  std::function<Partial(const RankInputs&)> result_;
};

Partial good(const RankInputs& inputs) { return {inputs.query, at::zeros({1, 2, inputs.query.size(1)})}; }

/// What rank 1 of 2 says to these inputs.
std::string refusal(const RankInputs& inputs, std::function<Partial(const RankInputs&)> result = good,
                    const AttentionFunction& function = Scripted::dense()) {
  Scripted attention(std::move(result), function);
  try {
    spawn_ranks(2, [&](Communicator& c) {
      if (c.rank() == 1) attention.forward(c, inputs);
    });
  } catch (const RuntimeFailure& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("forward accepts the rows that the implementation asks for and nothing else") {
  const at::Tensor q = at::zeros({1, 2, 2, 8}), kv = at::zeros({1, 4, 2, 8});
  CHECK(refusal({q, kv, kv}) == "accepted");
  CHECK(refusal({kv, kv, kv}) == "rank 1: query has shape (1, 4, 2, 8), needs (1, 2, 2, 8)");
  CHECK(refusal({q, q, kv}) == "rank 1: key has shape (1, 2, 2, 8), needs (1, 4, 2, 8)");
  CHECK(refusal({q, kv, at::zeros({2, 4, 2, 8})}) == "rank 1: value has shape (2, 4, 2, 8), needs (1, 4, 2, 8)");
  CHECK(refusal({q, kv, at::zeros({1, 4, 2, 4})}) == "rank 1: value has shape (1, 4, 2, 4), needs (1, 4, 2, 8)");
  CHECK(refusal({at::zeros({1, 2, 3, 8}), kv, kv}) == "rank 1: query has shape (1, 2, 3, 8), needs (1, 2, 2, 8)");
  CHECK(refusal({q, kv[0], kv}) == "rank 1: key has shape (4, 2, 8), needs (batch, rows, heads, dim)");
  CHECK(refusal({q, kv, at::Tensor()}) == "rank 1: value is missing");
  CHECK(refusal({q, kv, kv.to(at::kDouble)}) == "rank 1: value has dtype Double, query has Float");
  CHECK(refusal({q.to(at::kInt), kv, kv}) == "rank 1: query has dtype Int, needs a floating one");
  CHECK(refusal({q, kv, kv.to(at::kMeta)}) == "rank 1: value is on meta, query on cpu");
}

TEST_CASE("a result of the wrong shape is caught where it arises") {
  const at::Tensor q = at::zeros({1, 2, 2, 8}), kv = at::zeros({1, 4, 2, 8});
  const RankInputs inputs{q, kv, kv};
  CHECK(refusal(inputs, [](const RankInputs& in) { return Partial{in.query, {}}; }) == "accepted");
  CHECK(refusal(inputs, [](const RankInputs&) { return Partial{}; }) == "rank 1: the implementation returned no out");
  CHECK(refusal(inputs, [](const RankInputs& in) {
          return Partial{in.key, {}};
        }) == "rank 1: out has shape (1, 4, 2, 8), needs (1, 2, 2, 8)");
  CHECK(refusal(inputs, [](const RankInputs& in) {
          return Partial{in.query, at::zeros({1, 4, 2})};
        }) == "rank 1: lse has shape (1, 4, 2), needs (1, 2, 2)");
}

TEST_CASE("key and value have the function's key heads") {
  AttentionFunction grouped = Scripted::dense();
  grouped.kv_heads = 1;
  const at::Tensor q = at::zeros({1, 2, 2, 8}), two = at::zeros({1, 4, 2, 8}), one = at::zeros({1, 4, 1, 8});
  CHECK(refusal({q, one, one}, good, grouped) == "accepted");
  CHECK(refusal({q, two, two}, good, grouped) == "rank 1: key has shape (1, 4, 2, 8), needs (1, 4, 1, 8)");
  CHECK(refusal({q, one, one}) == "rank 1: key has shape (1, 4, 1, 8), needs (1, 4, 2, 8)");
}

TEST_CASE("a mask is wanted in the function's shape and kind, and nowhere else") {
  const at::Tensor q = at::zeros({3, 2, 2, 8}), kv = at::zeros({3, 4, 2, 8});
  const auto with = [&](const MaskShape& shape, const at::Tensor& mask) {
    AttentionFunction function = Scripted::dense();
    function.mask = shape;
    return refusal(
        {q, kv, kv, mask},
        [](const RankInputs& in) {
          return Partial{in.query, {}};
        },
        function);
  };
  const MaskShape keys{MaskKind::keys, false, false}, scores{MaskKind::scores, false, true},
      per_head{MaskKind::scores, true, false};
  CHECK(with(keys, at::ones({3, 4}, at::kBool)) == "accepted");
  CHECK(with(keys, at::ones({1, 4}, at::kBool)) == "accepted");
  CHECK(with(scores, at::zeros({3, 1, 2, 4})) == "accepted");
  CHECK(with(scores, at::zeros({3, 1, 2, 4}, at::kBFloat16)) == "accepted");
  CHECK(with(per_head, at::ones({1, 2, 2, 4}, at::kBool)) == "accepted");
  CHECK(with({}, at::ones({3, 4}, at::kBool)) == "rank 1: mask has shape (3, 4), but the function has no mask");
  CHECK(with(keys, {}) == "rank 1: mask is missing, needs (3, 4)");
  CHECK(with(keys, at::ones({2, 4}, at::kBool)) == "rank 1: mask has shape (2, 4), needs (3, 4) or (1, 4)");
  CHECK(with(scores, at::zeros({3, 2, 2, 4})) ==
        "rank 1: mask has shape (3, 2, 2, 4), needs (3, 1, 2, 4) or (1, 1, 2, 4)");
  CHECK(with(per_head, at::ones({3, 1, 2, 4}, at::kBool)) ==
        "rank 1: mask has shape (3, 1, 2, 4), needs (3, 2, 2, 4) or (1, 2, 2, 4)");
  CHECK(with(keys, at::ones({3, 4})) == "rank 1: mask has dtype Float, needs Bool");
  CHECK(with(scores, at::ones({3, 1, 2, 4}, at::kBool)) ==
        "rank 1: mask has dtype Bool, needs a floating one, as it is additive");
  CHECK(with(keys, at::ones({3, 4}, at::kBool).to(at::kMeta)) == "rank 1: mask is on meta, query on cpu");
}

}  // namespace
}  // namespace ringattn
