#include "attention/oracle_gradient.h"
#include "comm/world.h"
#include "config/error.h"
#include "ring/own_rows.h"
#include "ring/standard_ring_attention.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <doctest/doctest.h>

#include <functional>
#include <mutex>

// out.backward() through the ring, as training code calls it.

namespace ringattn {
namespace {

constexpr std::int64_t kBatch = 2, kHeads = 4, kKeyHeads = 2, kDim = 8;

RingAttentionConfig config_of(const std::string& pattern) {
  return testing::ring_config(pattern, "[20, 50]", "[1, 3]", "contiguous");
}

RankInputs inputs_of(std::int64_t n) {
  return testing::full_inputs(kBatch, n, kHeads, kDim, at::kDouble, 7, kKeyHeads);
}

/// Ranks whose tensors lie on the test's device.
void spawn_there(int ranks, const std::function<void(Communicator&)>& body) {
  spawn_ranks(ranks, body, on_devices({}, testing::test_device().type()));
}
at::Tensor there(const at::Tensor& tensor) { return tensor.to(testing::test_device()); }

/// Derivatives of Σ_ranks Σ grad_out · out after the whole inputs, each rank having its own copies of them.
Gradients gradients_of(const std::string& pattern, const RankInputs& full, const at::Tensor& grad_out, int ranks,
                       bool already_split) {
  std::mutex gather;
  Gradients sum{at::zeros_like(full.query), at::zeros_like(full.key), at::zeros_like(full.value)};
  spawn_there(ranks, [&](Communicator& communicator) {
    at::set_num_threads(1);
    StandardRingAttention attention(config_of(pattern), communicator);
    const Positions own = attention.positions(full.query.size(1), kHeads, true, already_split, kKeyHeads);
    const auto leaf = [&](const at::Tensor& tensor) {
      return there(already_split ? own_rows(tensor, own) : tensor).detach().clone().requires_grad_();
    };
    const at::Tensor query = leaf(full.query), key = leaf(full.key), value = leaf(full.value);
    const at::Tensor out = attention.forward(query, key, value, std::nullopt, true, already_split);
    (out * there(own_rows(grad_out, own))).sum().backward();
    const at::Tensor index = at::tensor(expand(own), at::kLong);
    const std::scoped_lock lock(gather);
    const auto add = [&](at::Tensor& to, const at::Tensor& part) {
      already_split ? to.index_add_(1, index, part) : to.add_(part);
    };
    add(sum.query, query.grad().cpu());
    add(sum.key, key.grad().cpu());
    add(sum.value, value.grad().cpu());
  });
  return sum;
}

}  // namespace

TEST_CASE("backward of out gives the oracle's derivatives, whole sequence or split") {
  constexpr std::int64_t n = 61;
  const RankInputs full = inputs_of(n);
  const at::Tensor grad_out = testing::full_inputs(kBatch, n, kHeads, kDim, at::kDouble, 9).query;
  for (const std::string pattern : {"dense", "dilated", "longnet"}) {
    AttentionFunction function =
        resolve_function(config_of(pattern), {.seq_len = n, .heads = kHeads, .is_causal = true, .kv_heads = kKeyHeads});
    const OracleGradient oracle = evaluate_oracle_gradient(function, full.query, full.key, full.value, grad_out);
    for (const int ranks : {1, 3, 4}) {
      for (const bool already_split : {false, true}) {
        CAPTURE(pattern);
        CAPTURE(ranks);
        CAPTURE(already_split);
        const Gradients got = gradients_of(pattern, full, grad_out, ranks, already_split);
        CHECK(testing::worst_error(got.query, oracle.query, 1e-12, 1e-12) <= 1.0);
        CHECK(testing::worst_error(got.key, oracle.key, 1e-12, 1e-12) <= 1.0);
        CHECK(testing::worst_error(got.value, oracle.value, 1e-12, 1e-12) <= 1.0);
      }
    }
  }
}

TEST_CASE("without gradients to record, no graph is made") {
  const RankInputs all = inputs_of(12);
  spawn_there(2, [&](Communicator& communicator) {
    const RankInputs full{there(all.query), there(all.key), there(all.value)};
    StandardRingAttention attention(config_of("dense"), communicator);
    CHECK_FALSE(attention.forward(full.query, full.key, full.value).requires_grad());
    const at::Tensor leaf = full.query.clone().requires_grad_();
    CHECK(attention.forward(leaf, full.key, full.value).requires_grad());
    const c10::NoGradGuard no_gradients;
    CHECK_FALSE(attention.forward(leaf, full.key, full.value).requires_grad());
  });
}

TEST_CASE("a derivative of the derivatives is refused by every rank") {
  const RankInputs all = inputs_of(12);
  spawn_there(2, [&](Communicator& communicator) {
    const RankInputs full{there(all.query), there(all.key), there(all.value)};
    StandardRingAttention attention(config_of("dense"), communicator);
    const at::Tensor leaf = full.query.clone().requires_grad_();
    const at::Tensor out = attention.forward(leaf, full.key, full.value);
    std::string said;
    try {
      out.sum().backward({}, /*retain_graph=*/true, /*create_graph=*/true);
    } catch (const std::exception& error) {
      said = error.what();
    }
    CHECK(said.find("derivatives of the ring's derivatives") != std::string::npos);
  });
}

TEST_CASE("two runs give the same bits, whatever the threads") {
  const RankInputs full = inputs_of(97);
  const at::Tensor grad_out = testing::full_inputs(kBatch, 97, kHeads, kDim, at::kDouble, 9).query;
  for (const int ranks : {2, 4}) {
    const Gradients once = gradients_of("dilated", full, grad_out, ranks, true);
    const Gradients again = gradients_of("dilated", full, grad_out, ranks, true);
    CHECK(at::equal(once.query, again.query));
    CHECK(at::equal(once.key, again.key));
    CHECK(at::equal(once.value, again.value));
  }
}

}  // namespace ringattn
