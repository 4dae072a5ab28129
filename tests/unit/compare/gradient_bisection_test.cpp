#include "compare/gradient_bisection.h"

#include "comm/world.h"
#include "compare/bisection.h"
#include "measure/runner.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace ringattn {
namespace {

constexpr int kRanks = 4;

/// What is done to a rank's derivatives before they are watched, and go on; hop FirstBadStep::finish: to its result.
struct Tamper {
  std::function<void(int rank, const Step&, const Gradients& running, const std::vector<KeyValue>& regions)> step{};
  std::function<void(int rank, int hop, const KeyValue& own)> home{};
  std::function<void(int rank, const Gradients& result)> result{};
};

class Tampering final : public GradientWatch {
 public:
  Tampering(const Tamper& tamper, int rank, GradientWatch& watch) : tamper_(tamper), rank_(rank), watch_(watch) {}
  void after_step(const Step& step, const Gradients& running, const std::vector<KeyValue>& regions) override {
    if (tamper_.step) tamper_.step(rank_, step, running, regions);
    watch_.after_step(step, running, regions);
  }
  void after_return(int hop, const KeyValue& own) override {
    if (tamper_.home) tamper_.home(rank_, hop, own);
    watch_.after_return(hop, own);
  }

 private:
  const Tamper& tamper_;
  int rank_;
  GradientWatch& watch_;
};

std::optional<FirstBadStep> bisected(bool is_causal, const Tamper& tamper, int ranks = kRanks) {
  at::set_num_threads(1);
  const auto inputs = generated_inputs({.seed = 5, .batch = 2, .seq_len = 90, .heads = 4, .head_dim = 8});
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RingAttention ring(config, 90, 4, is_causal, ranks);
  GradientBisection bisection(ring, *inputs, at::kFloat);
  spawn_ranks(ranks, [&](Communicator& c) {
    const RankInputs own = rank_inputs(ring, c.rank(), ranks, *inputs, at::kFloat);
    const at::Tensor grad_out = rank_grad_out(ring, c.rank(), ranks, *inputs, at::kFloat, Pass::both);
    const Partial result = traced_forward(ring, c, own, {});
    Tampering watch(tamper, c.rank(), bisection.watch(c.rank()));
    Gradients gradients = traced_backward(ring, c, own, result, grad_out, watch);
    if (tamper.result) tamper.result(c.rank(), gradients);
    bisection.finish(c.rank(), gradients);
  });
  return bisection.first_bad();
}

bool begins(const std::optional<FirstBadStep>& bad, const std::string& words) {
  return bad.has_value() && to_string(*bad).starts_with(words);
}

}  // namespace

TEST_CASE("a right backward has no first bad hop") {
  for (const bool is_causal : {false, true}) {
    for (const int ranks : {1, 2, 4}) {
      const auto bad = bisected(is_causal, {}, ranks);
      CHECK_MESSAGE(!bad.has_value(), (bad ? to_string(*bad) : ""));
    }
  }
}

TEST_CASE("dq, dk and dv are named by rank, hop and source, though later ones are wrong as well") {
  for (const bool is_causal : {false, true}) {
    const auto query = bisected(is_causal, {.step = [](int rank, const Step& step, const Gradients& running, auto&) {
                                  if (rank == 2 && step.hop == 1) running.query.select(1, 7).add_(1e-2);
                                  if (rank == 0 && step.hop == 2) running.query.zero_();
                                }});
    CHECK(begins(query, "backward of rank 2 is right until hop 1 (keys of rank 1): dq: "));
    const auto value =
        bisected(is_causal, {.step = [](int rank, const Step& step, auto&, const std::vector<KeyValue>& regions) {
                   if (rank == 1 && step.hop == 2) regions.front().value.select(1, 3).mul_(2.0);
                 }});
    CHECK(begins(value, "backward of rank 1 is right until hop 2 (keys of rank 3): dv: "));
    CHECK(value->what == FirstBadStep::What::gradients);
  }
}

TEST_CASE("what a rank's own keys, its return and its result get wrong are told apart") {
  const auto own = bisected(true, {.step = [](int rank, const Step& step, const Gradients& running, auto&) {
                              if (rank == 1 && step.hop == 0) running.key.select(1, 5).add_(1e-2);
                            }});
  CHECK(begins(own, "backward of rank 1 is wrong from its own keys on (hop 0): dk: "));
  const auto home = bisected(true, {.home = [](int rank, int hop, const KeyValue& sums) {
                               if (rank == 3 && hop == kRanks - 1) sums.value.select(1, 0).zero_();
                             }});
  CHECK(begins(home, "rank 3's dk and dv are wrong when the sums of hop 3 have come home from rank 2: dv: "));
  CHECK(home->hop == 3);
  CHECK(home->source == 2);
  const auto end = bisected(false, {.result = [](int rank, const Gradients& result) {
                              if (rank == 2) result.key.zero_();
                            }});
  CHECK(begins(end, "backward of rank 2 is right after each hop, and returns something else: dk: "));
  CHECK(end->hop == FirstBadStep::finish);
}

}  // namespace ringattn
