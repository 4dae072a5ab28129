#include "legacy/merges.h"
#include "ring/ring_multihead_attention.h"
#include "tests/ranks/ring_run.h"
#include "tests/ranks/tiny_model.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// The small model of training_test.cpp with a merge that a released class had: what it learns depends on the number of
// ranks. In one process, which holds the rows of all ranks, so that autograd sees the whole ring.

namespace ringattn {
namespace {

/// M = max(L, ℓ), out ← out·e^{L - M} + added·e^{ℓ - M}, L ← M + log(e^{L - M} + e^{ℓ - M}), and out is never divided.
/// Right for one chunk; two chunks of equal ℓ make a row twice too large. Out of place, for autograd.
class UndividedMerge {
 public:
  void add(const legacy::ChunkResult& chunk) {
    if (!out_.defined()) {
      out_ = chunk.out, lse_ = chunk.lse;
      return;
    }
    const at::Tensor larger = at::maximum(lse_, chunk.lse);
    const at::Tensor before = (lse_ - larger).exp(), added = (chunk.lse - larger).exp();
    const auto per_row = [](const at::Tensor& factor) { return factor.transpose(1, 2).unsqueeze(-1); };
    out_ = out_ * per_row(before) + chunk.out * per_row(added);
    lse_ = larger + (before + added).log();
  }
  const at::Tensor& out() const { return out_; }

 private:
  at::Tensor out_, lse_;
};

enum class Merge { right, undivided };

/// Rank `rank`'s rows against the chunks of rank, rank - 1, … 0; later ones are all masked.
at::Tensor rank_rows(const FusedProjection::Heads& heads, std::int64_t rank, std::int64_t length, Merge merge) {
  const auto chunk = [&](const at::Tensor& tensor, std::int64_t of) { return tensor.narrow(1, of * length, length); };
  const at::Tensor triangle = at::ones({length, length}, at::kBool).tril();
  legacy::LseAccumulator right;
  UndividedMerge undivided;
  for (std::int64_t source = rank; source >= 0; --source) {
    const legacy::ChunkResult part =
        legacy::attend_with_lse(chunk(heads.query, rank), chunk(heads.key, source), chunk(heads.value, source),
                                source == rank ? triangle : at::Tensor());
    if (merge == Merge::right)
      right.add(part);
    else
      undivided.add(part);
  }
  return merge == Merge::right ? right.out() : undivided.out();
}

std::vector<double> train(Merge merge, std::int64_t ranks, int steps) {
  const at::Tensor text = testing::text_bytes();
  const testing::TinyModel model;
  std::vector<double> losses;
  spawn_ranks(1, [&](Communicator& communicator) {
    at::set_num_threads(1);
    const RingMultiheadAttention module({.embed_dim = testing::tiny_embed, .heads = testing::tiny_heads, .seed = 4},
                                        testing::ring_config("dense", "[256]", "[1]"), communicator);
    const std::vector<at::Tensor> own = module.parameters();
    const FusedProjection layers{module.sizes(), {own[0], own[1]}, {own[2], own[3]}};
    const auto attention = [&](const at::Tensor& x) {
      const FusedProjection::Heads heads = layers.project(x);
      std::vector<at::Tensor> rows;
      for (std::int64_t rank = 0; rank < ranks; ++rank)
        rows.push_back(rank_rows(heads, rank, testing::tiny_rows / ranks, merge));
      return layers.project_out(at::cat(rows, 1));
    };
    for (int step = 0; step < steps; ++step) {
      const at::Tensor loss =
          model.loss(testing::window_of(text, step), {{.first = 0, .count = testing::tiny_rows, .step = 1}}, attention);
      loss.backward();
      testing::step_down(testing::joined(model.parameters(), own));
      losses.push_back(loss.item<double>());
    }
  });
  return losses;
}

double apart(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0.0;
  for (std::size_t step = 0; step < a.size(); ++step) most = std::max(most, std::abs(a[step] - b[step]));
  return most;
}

}  // namespace

TEST_CASE("with a merge that is never divided, the loss curve depends on the number of ranks; with a right one not") {
  constexpr int steps = 50;
  const std::vector<double> one = train(Merge::right, 1, steps);
  CHECK(one.back() < one.front() - 1.0);
  CHECK(apart(train(Merge::undivided, 1, steps), one) <= 1e-5);  // one chunk needs no merge
  for (const std::int64_t ranks : {2, 4}) {
    INFO(fmt::format("k={}", ranks));
    CHECK(apart(train(Merge::right, ranks, steps), one) <= 1e-5);
    CHECK(apart(train(Merge::undivided, ranks, steps), one) >= 0.1);
  }
}

}  // namespace ringattn
