#include "comm/world.h"
#include "ring/ring_multihead_attention.h"
#include "tests/ranks/ring_run.h"
#include "tests/ranks/tiny_model.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

// A small model trained through the ring: the number of ranks shows in nothing but rounding.

namespace ringattn {
namespace {

using testing::TinyModel;

struct Training {
  std::vector<double> loss;                         ///< of each step, before it
  std::vector<std::vector<at::Tensor>> parameters;  ///< at the end, of each rank
};

RingMultiheadAttention::Options options() {
  return {.embed_dim = testing::tiny_embed, .heads = testing::tiny_heads, .kv_heads = 2, .seed = 4};
}

/// Steps of SGD on `ranks` ranks, each with its own rows from the embedding on: the layout's, or shards of these sizes.
Training train(const RingAttentionConfig& config, int ranks, int steps, const std::vector<std::int64_t>& shards = {}) {
  const at::Tensor text = testing::text_bytes();
  Training training{.loss = std::vector<double>(static_cast<std::size_t>(steps)),
                    .parameters = std::vector<std::vector<at::Tensor>>(static_cast<std::size_t>(ranks))};
  spawn_ranks(ranks, [&](Communicator& communicator) {
    at::set_num_threads(1);
    RingMultiheadAttention attention(options(), config, communicator);
    const TinyModel model;
    const std::vector<at::Tensor> parameters = testing::joined(model.parameters(), attention.parameters());
    const Positions own = shards.empty()
                              ? attention.positions(testing::tiny_rows, /*is_causal=*/true, /*already_split=*/true)
                              : sharded_layout(shards).positions(communicator.rank());
    for (int step = 0; step < steps; ++step) {
      const at::Tensor loss = model.loss(testing::window_of(text, step), own, [&](const at::Tensor& x) {
        return attention.forward(x, {}, /*is_causal=*/true, /*already_split=*/true);
      });
      loss.backward();
      sum_gradients(parameters, communicator);
      testing::step_down(parameters);
      double sum = loss.item<double>();
      sum_over_ranks(communicator, std::span(&sum, 1));
      if (communicator.rank() == 0) training.loss[static_cast<std::size_t>(step)] = sum;
    }
    training.parameters[static_cast<std::size_t>(communicator.rank())] = parameters;
  });
  return training;
}

/// The same model in plain fp64 tensor operations, without ring, plan or fused layers.
at::Tensor plain_attention(const at::Tensor& x, const std::vector<at::Tensor>& layers) {
  const std::int64_t dim = testing::tiny_embed / testing::tiny_heads, rows = x.size(1);
  const at::Tensor qkv = at::linear(x, layers[0], layers[1]);
  const auto heads = [&](std::int64_t first, std::int64_t count) {
    return qkv.narrow(-1, first, count * dim).unflatten(-1, {count, dim}).transpose(1, 2);
  };
  const at::Tensor key = heads(32, 2).repeat_interleave(2, 1), value = heads(48, 2).repeat_interleave(2, 1);
  const at::Tensor hidden = at::ones({rows, rows}, at::kBool).triu(1);
  const at::Tensor scores = at::matmul(heads(0, 4), key.transpose(-1, -2)).div(std::sqrt(static_cast<double>(dim)));
  const at::Tensor out = at::matmul(at::softmax(scores.masked_fill(hidden, -INFINITY), -1), value);
  return at::linear(out.transpose(1, 2).flatten(-2), layers[2], layers[3]);
}

Training train_plainly(int steps) {
  const at::Tensor text = testing::text_bytes();
  const TinyModel model(at::kDouble);
  std::vector<at::Tensor> layers;
  spawn_ranks(1, [&](Communicator& communicator) {
    const RingMultiheadAttention attention(options(), testing::ring_config("dense", "[256]", "[1]"), communicator);
    for (const at::Tensor& parameter : attention.parameters())
      layers.push_back(parameter.detach().to(at::kDouble).requires_grad_());
  });
  Training training;
  training.parameters.push_back(testing::joined(model.parameters(), layers));
  for (int step = 0; step < steps; ++step) {
    const at::Tensor loss =
        model.loss(testing::window_of(text, step), {{.first = 0, .count = testing::tiny_rows, .step = 1}},
                   [&](const at::Tensor& x) { return plain_attention(x, layers); });
    loss.backward();
    testing::step_down(training.parameters[0]);
    training.loss.push_back(loss.item<double>());
  }
  return training;
}

bool same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!at::equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

void check_one_step(const Training& ring, const Training& plain) {
  CHECK(std::abs(ring.loss[0] - plain.loss[0]) <= 1e-5);
  for (const std::vector<at::Tensor>& parameters : ring.parameters) {
    REQUIRE(parameters.size() == plain.parameters[0].size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
      CHECK((parameters[i] - plain.parameters[0][i]).abs().max().item<double>() <= 1e-5);
    CHECK(same_bits(parameters, ring.parameters[0]));
  }
}

}  // namespace

TEST_CASE("one training step gives the same weights on 1, 2 and 4 ranks, those of plain fp64 operations") {
  at::set_num_threads(1);
  const Training plain = train_plainly(1);
  for (const std::string layout : {"contiguous", "zigzag"}) {
    for (const int ranks : {1, 2, 4}) {
      INFO(fmt::format("{} k={}", layout, ranks));
      check_one_step(train(testing::ring_config("dense", "[256]", "[1]", layout), ranks, 1), plain);
    }
  }
  const std::vector<std::int64_t> shards{1, 0, 252, 3};
  check_one_step(train(testing::ring_config("dense", "[256]", "[1]"), 4, 1, shards), plain);
}

TEST_CASE("50 steps on text give the same loss curve on 1, 2 and 4 ranks, and the same bits again") {
  at::set_num_threads(1);
  constexpr int steps = 50;
  const Training plain = train_plainly(steps);
  CHECK(plain.loss.back() < plain.loss.front() - 1.0);
  const RingAttentionConfig config = testing::ring_config("dense", "[256]", "[1]");
  for (const int ranks : {1, 2, 4}) {
    INFO(fmt::format("k={}", ranks));
    const Training ring = train(config, ranks, steps);
    double apart = 0.0;
    for (std::size_t step = 0; step < steps; ++step)
      apart = std::max(apart, std::abs(ring.loss[step] - plain.loss[step]));
    CHECK(apart <= 1e-5);
    const Training again = train(config, ranks, steps);
    CHECK(again.loss == ring.loss);
    CHECK(same_bits(again.parameters.back(), ring.parameters[0]));
  }
}

}  // namespace ringattn
