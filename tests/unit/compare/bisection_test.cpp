#include "compare/bisection.h"

#include "comm/world.h"
#include "compare/seen_keys.h"
#include "measure/runner.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

namespace ringattn {
namespace {

constexpr int kRanks = 4;

/// What is done to a rank's state after a hop, or to its result (hop FirstBadStep::finish).
using Tamper = std::function<void(int rank, int hop, const at::Tensor& out, const at::Tensor& lse)>;

std::optional<FirstBadStep> bisected(const RingAttentionConfig& config, bool is_causal, const std::string& mask,
                                     const Tamper& tamper) {
  at::set_num_threads(1);
  const auto inputs = generated_inputs({.seed = 5, .batch = 2, .seq_len = 90, .heads = 4, .head_dim = 8, .mask = mask});
  RingAttention ring(config, {.seq_len = 90, .heads = 4, .is_causal = is_causal, .mask = inputs->mask_shape()}, kRanks);
  Bisection bisection(ring, *inputs, at::kFloat);
  spawn_ranks(kRanks, [&](Communicator& c) {
    const AfterStep watch = bisection.watch(c.rank());
    ExecutorOptions options = ring.executor_options();
    options.after_step = [&](const Step& step, std::span<const RunningState> states) {
      for (const RunningState& state : states) tamper(c.rank(), step.hop, state.out(), state.lse());
      watch(step, states);
    };
    Partial result = execute(ring.plan(c.rank()), rank_inputs(ring, c.rank(), kRanks, *inputs, at::kFloat), c,
                             ring.backend(), options);
    tamper(c.rank(), FirstBadStep::finish, result.out, result.lse);
    bisection.finish(c.rank(), result);
  });
  return bisection.first_bad();
}

RingAttentionConfig config_of(const std::string& pattern) {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", "[30, 60]", "test");
  set_field(config, "dilation_rates", "[1, 2]", "test");
  set_field(config, "pattern", pattern, "test");
  return config;
}

void leave(int, int, const at::Tensor&, const at::Tensor&) {}

}  // namespace

TEST_CASE("a right ring has no first bad hop, whatever pattern, causality and mask") {
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "longnet"}) {
    for (const std::string mask : {"none", "padding", "random", "alibi"}) {
      for (const bool is_causal : {false, true}) {
        CAPTURE(pattern);
        CAPTURE(mask);
        const auto bad = bisected(config_of(pattern), is_causal, mask, leave);
        CHECK_MESSAGE(!bad.has_value(), (bad ? to_string(*bad) : ""));
      }
    }
  }
}

TEST_CASE("the first bad hop is named by rank, hop and source, though later ones are wrong as well") {
  for (const std::string mask : {"none", "random"}) {
    const auto bad =
        bisected(config_of("dense"), false, mask, [](int rank, int hop, const at::Tensor& out, const auto&) {
          if (rank == 2 && hop == 1) out.select(1, 7).add_(1e-2);
          if (rank == 0 && hop == 2) out.zero_();
        });
    REQUIRE(bad.has_value());
    CHECK(bad->rank == 2);
    CHECK(bad->hop == 1);
    CHECK(bad->source == 1);
    CHECK(to_string(*bad).starts_with("rank 2 is right until hop 1 (keys of rank 1): out: "));
  }
}

TEST_CASE("own keys, lse alone, and what only the result shows, are told apart") {
  const auto own =
      bisected(config_of("dilated"), true, "none", [](int rank, int hop, const auto&, const at::Tensor& lse) {
        if (rank == 1 && hop == 0) lse.add_(0.01);
      });
  REQUIRE(own.has_value());
  CHECK(own->rank == 1);
  CHECK(own->hop == 0);
  CHECK(to_string(*own).starts_with("rank 1 is wrong from its own keys on (hop 0): lse: "));
  const auto end =
      bisected(config_of("dense"), true, "padding", [](int rank, int hop, const at::Tensor& out, const auto&) {
        if (rank == 3 && hop == FirstBadStep::finish) out.mul_(2.0);
      });
  REQUIRE(end.has_value());
  CHECK(end->rank == 3);
  CHECK(end->hop == FirstBadStep::finish);
  CHECK(to_string(*end).starts_with("rank 3 is right after each hop, and returns something else: out: "));
}

TEST_CASE("keys that were not seen are hidden by a mask of the kind that there is") {
  at::Tensor seen = at::zeros({12}, at::kBool);
  seen.narrow(0, 3, 4).fill_(true);
  const Positions all{{.first = 0, .count = 12, .step = 1}}, some{{.first = 2, .count = 3, .step = 1}};
  for (const std::string kind : {"none", "padding", "random", "alibi"}) {
    CAPTURE(kind);
    const auto source = generated_inputs({.batch = 2, .seq_len = 12, .heads = 2, .head_dim = 4, .mask = kind});
    const SeenKeys inputs(*source, seen);
    CHECK(inputs.mask_shape().kind == (kind == "none" ? MaskKind::keys : source->mask_shape().kind));
    const at::Tensor mask = inputs.mask(all);
    const at::Tensor hidden = source->mask_shape().is_additive ? mask.eq(-INFINITY) : mask.logical_not();
    CHECK(hidden.narrow(-1, 0, 3).all().item<bool>());
    CHECK(hidden.narrow(-1, 7, 5).all().item<bool>());
    CHECK_FALSE(hidden.narrow(-1, 3, 4).all().item<bool>());
    const bool by_key = inputs.mask_shape().kind == MaskKind::keys;
    CHECK(at::equal(inputs.mask(some), mask.narrow(by_key ? 1 : 2, 2, 3)));
    CHECK(at::equal(inputs.rows(InputTensor::key, some, at::kFloat), source->rows(InputTensor::key, some, at::kFloat)));
  }
}

}  // namespace ringattn
