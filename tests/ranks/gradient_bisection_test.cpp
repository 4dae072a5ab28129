#include "compare/gradient_bisection.h"

#include "attention/backward_executor.h"
#include "comm/world.h"
#include "compare/bisection.h"
#include "measure/runner.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Bisection of the backward pass of real rings: none that is right is blamed, and what is lost on the way is named by
// the rank at which it is missing.

namespace ringattn {
namespace {

/// A rank's communicator that loses derivatives: those that arrive on one rank in one hop are 0.
class Losing final : public Communicator {
 public:
  Losing(Communicator& real, int at_rank, int in_hop)
      : Communicator(real.rank(), real.world_size()), real_(real), at_rank_(at_rank), in_hop_(in_hop) {}

 private:
  struct Posted final : PendingExchange {
    Ticket real;
    Exchange exchange;
  };
  Ticket do_post(Exchange exchange) override {
    auto posted = std::make_shared<Posted>();
    posted->exchange = exchange;
    posted->real = real_.post(std::move(exchange));
    return posted;
  }
  void do_wait_received(const Ticket& ticket) override {
    const auto posted = std::static_pointer_cast<Posted>(ticket);
    real_.wait_received(posted->real);
    const Exchange& exchange = posted->exchange;
    if (exchange.channel != Channel::gradients || rank() != at_rank_ || exchange.hop != world_size() + in_hop_) return;
    for (const Message& message : exchange.receives) {
      for (const Block& block : message.blocks) {
        for (std::int64_t row = 0; row < block.rows; ++row)
          std::memset(block.data + row * block.row_stride_bytes, 0, static_cast<std::size_t>(block.row_bytes));
      }
    }
  }
  void do_wait_sent(const Ticket& ticket) override { real_.wait_sent(std::static_pointer_cast<Posted>(ticket)->real); }
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override { return real_.all_gather_value(value); }
  void do_barrier() override { real_.barrier(); }
  void do_abort(const std::string& reason) override { real_.abort(reason); }

  Communicator& real_;
  int at_rank_, in_hop_;
};

struct Run {
  RingAttentionConfig config{};
  Problem problem{};
  std::string mask = "none";
  at::ScalarType dtype = at::kFloat;
  int ranks = 4;
  int losing_rank = -1;
  int losing_hop = 0;
};

std::optional<FirstBadStep> bisected(Run run) {
  at::set_num_threads(1);
  const auto inputs = generated_inputs({.seed = 11,
                                        .batch = 2,
                                        .seq_len = run.problem.seq_len,
                                        .heads = run.problem.heads,
                                        .head_dim = 8,
                                        .kv_heads = run.problem.kv_heads,
                                        .mask = run.mask});
  run.problem.mask = inputs->mask_shape();
  RingAttention ring(run.config, run.problem, run.ranks);
  GradientBisection bisection(ring, *inputs, run.dtype);
  spawn_ranks(run.ranks, [&](Communicator& c) {
    const RankInputs own = rank_inputs(ring, c.rank(), run.ranks, *inputs, run.dtype);
    const at::Tensor grad_out = rank_grad_out(ring, c.rank(), run.ranks, *inputs, run.dtype, Pass::both);
    const Partial result = traced_forward(ring, c, own, {});
    Losing losing(c, run.losing_rank, run.losing_hop);
    GradientWatch& watch = bisection.watch(c.rank());
    bisection.finish(c.rank(), traced_backward(ring, losing, own, result, grad_out, watch));
  });
  return bisection.first_bad();
}

RingAttentionConfig config_of(const std::string& pattern, const std::string& layout = "auto") {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", "[30, 60]", "test");
  set_field(config, "dilation_rates", "[1, 2]", "test");
  set_field(config, "pattern", pattern, "test");
  set_field(config, "layout", layout, "test");
  return config;
}

void check_right(const Run& run) {
  const auto bad = bisected(run);
  CHECK_MESSAGE(!bad.has_value(), (bad ? to_string(*bad) : ""));
}

}  // namespace

TEST_CASE("a right backward has no first bad hop, whatever pattern, causality, mask and shared heads") {
  const char* mean = R"({"placement": "tiles", "heads": "all", "join": "mean", "queries": "all", "offset": "zero"})";
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "longnet", "residue", mean}) {
    for (const std::string mask : {"none", "padding", "random", "alibi"}) {
      for (const bool is_causal : {false, true}) {
        CAPTURE(pattern);
        CAPTURE(mask);
        CAPTURE(is_causal);
        check_right({.config = config_of(pattern),
                     .problem = {.seq_len = 90, .heads = 4, .is_causal = is_causal, .kv_heads = is_causal ? 2 : 4},
                     .mask = mask});
      }
    }
  }
}

TEST_CASE("nor at any number of ranks, layout, awkward length, dropout, window, or in fp64") {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    for (const std::int64_t seq_len : {5, 71}) {
      for (const std::string layout : {"contiguous", "zigzag", "striped"}) {
        CAPTURE(ranks);
        CAPTURE(seq_len);
        CAPTURE(layout);
        check_right({.config = config_of("dense", layout),
                     .problem = {.seq_len = seq_len, .heads = 2, .is_causal = true},
                     .dtype = seq_len == 5 ? at::kDouble : at::kFloat,
                     .ranks = ranks});
      }
    }
  }
  RingAttentionConfig dropping = config_of("dilated_keys");
  dropping.dropout = 0.3;
  check_right({.config = dropping,
               .problem = {.seq_len = 90, .heads = 4, .is_training = true, .dropout_seed = 3},
               .dtype = at::kDouble});
  check_right({.config = config_of("dense", "contiguous"),
               .problem = {.seq_len = 90, .heads = 4, .is_causal = true, .window = {.left = 20, .right = 0}}});
}

TEST_CASE("sums that are lost on the way are named where they are missing, and those on the way home by their owner") {
  Run run{.config = config_of("dense", "contiguous"), .problem = {.seq_len = 90, .heads = 4}};
  run.losing_rank = 2;
  run.losing_hop = 1;  // of rank 0's rows, from rank 1
  const auto on_the_way = bisected(run);
  REQUIRE(on_the_way.has_value());
  CHECK(to_string(*on_the_way).starts_with("backward of rank 2 is right until hop 2 (keys of rank 0): dk: "));
  run.losing_hop = 3;  // rank 2's own rows, from rank 1
  const auto home = bisected(run);
  REQUIRE(home.has_value());
  CHECK(
      to_string(*home).starts_with("rank 2's dk and dv are wrong when the sums of hop 3 have come home from rank 1: "));
  // A window that reaches one rank back: what rank 1's queries make of rank 0's rows goes home at once.
  run.problem.is_causal = true;
  run.problem.window = {.left = 20, .right = 0};
  run.losing_rank = 0;
  run.losing_hop = 1;
  const auto early = bisected(run);
  REQUIRE(early.has_value());
  CHECK(early->what == FirstBadStep::What::returned_sums);
  CHECK(early->rank == 0);
  CHECK(early->hop == 1);
  CHECK(early->source == 1);
}

}  // namespace ringattn
