#include "attention/backward_executor.h"
#include "compare/examine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

// A ring that goes wrong, or spends more than its plan, as `compare` sees it.

namespace ringattn {
namespace {

constexpr std::int64_t kSeqLen = 64;
constexpr int kRanks = 4;

/// What is the matter with a ring.
struct Fault {
  bool is_wrong = false;     ///< rank 2's running output, after hop 1
  bool keeps = false;        ///< rank 3, a byte
  bool loses_query = false;  ///< rank 2's running dq, after hop 1
};

/// The watch of a rank whose dq is lost after hop 1.
class LosingQuery final : public GradientWatch {
 public:
  explicit LosingQuery(GradientWatch* watch) : watch_(watch) {}
  void after_step(const Step& step, const Gradients& running, const std::vector<KeyValue>& regions) override {
    if (step.hop == 1) running.query.zero_();
    if (watch_ != nullptr) watch_->after_step(step, running, regions);
  }
  void after_return(int hop, const KeyValue& own) override {
    if (watch_ != nullptr) watch_->after_return(hop, own);
  }

 private:
  GradientWatch* watch_;
};

class Faulty final : public Attention {
 public:
  Faulty(RingAttention& ring, const Fault& fault) : Attention(ring.function()), ring_(ring), fault_(fault) {}

  Partial traced(Communicator& c, const RankInputs& inputs, const AfterStep& watch) {
    ExecutorOptions options = ring_.executor_options();
    options.after_step = [&](const Step& step, std::span<const RunningState> states) {
      if (fault_.is_wrong && c.rank() == 2 && step.hop == 1) states.front().out().mul_(1.5);
      if (watch) watch(step, states);
    };
    if (fault_.keeps && c.rank() == 3) kept_ = at::empty({5}, at::kByte);
    return execute(ring_.plan(c.rank()), inputs, c, ring_.backend(), options);
  }

  Gradients traced_backward(Communicator& c, const RankInputs& inputs, const Partial& result,
                            const at::Tensor& grad_out, GradientWatch* watch) {
    LosingQuery losing(watch);
    ExecutorOptions options = ring_.executor_options();
    options.gradient_watch = fault_.loses_query && c.rank() == 2 ? &losing : watch;
    return execute_backward(ring_.plan(c.rank()), ring_.returns(c.rank()), inputs, result, grad_out, c, ring_.backend(),
                            options);
  }

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }
  Partial do_forward(Communicator& c, const RankInputs& inputs) override { return traced(c, inputs, {}); }
  std::string do_why_no_backward() const override { return {}; }
  Gradients do_backward(Communicator& c, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override {
    return traced_backward(c, inputs, result, grad_out, nullptr);
  }

  RingAttention& ring_;
  Fault fault_;
  at::Tensor kept_;
};

Examination examined(const Fault& fault, bool bisect, Dtype dtype = Dtype::fp32, Pass pass = Pass::forward) {
  at::set_num_threads(1);
  const Case axes{.seq_len = kSeqLen, .heads = 2, .head_dim = 8, .dtype = dtype, .ranks = kRanks};
  const auto inputs = generated_inputs({.seed = 4, .seq_len = kSeqLen, .heads = 2, .head_dim = 8});
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RingAttention ring(config, kSeqLen, 2, false, kRanks);
  Faulty faulty(ring, fault);
  RankWorld world(kRanks);
  ReferenceBook references(*inputs, {});
  const Candidate candidate{
      .id = "faulty",
      .function_name = "dense",
      .attention = ring,
      .backend = {},
      .layout = {},
      .runs = &faulty,
      .traced = [&](Communicator& c, const RankInputs& own,
                    const AfterStep& watch) { return faulty.traced(c, own, watch); },
      .traced_backward =
          [&](Communicator& c, const RankInputs& own, const Partial& result, const at::Tensor& grad_out,
              GradientWatch& watch) { return faulty.traced_backward(c, own, result, grad_out, &watch); }};
  return examine(axes, candidate, nullptr, world, *inputs, references,
                 {.with_time = false, .pass = pass, .bisect = bisect});
}

}  // namespace

TEST_CASE("a right ring at its plan's price matches, and nothing is bisected") {
  const Examination right = examined({}, true);
  CHECK(*right.record.outcome == Outcome::match);
  CHECK_FALSE(right.first_bad.has_value());
  CHECK(right.record.explanation.empty());
}

TEST_CASE("a wrong result is traced to its rank and hop where that was asked for") {
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16}) {
    const Examination wrong = examined({.is_wrong = true}, true, dtype);
    CHECK(*wrong.record.outcome == Outcome::new_wrong);
    REQUIRE(wrong.first_bad.has_value());
    CHECK(wrong.first_bad->rank == 2);
    CHECK(wrong.first_bad->hop == 1);
    REQUIRE(wrong.record.explanation.size() == 1);
    CHECK(wrong.record.explanation[0].starts_with("bisection: rank 2 is right until hop 1 (keys of rank 1): out: "));
  }
  CHECK(examined({.is_wrong = true}, false).record.explanation.empty());
}

TEST_CASE("wrong gradients of a right result are traced to their rank and hop") {
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16}) {
    const Examination wrong = examined({.loses_query = true}, true, dtype, Pass::both);
    CHECK(*wrong.record.outcome == Outcome::new_wrong);
    REQUIRE(wrong.first_bad.has_value());
    CHECK(wrong.first_bad->rank == 2);
    CHECK(wrong.first_bad->hop == 1);
    REQUIRE(wrong.record.explanation.size() == 1);
    CHECK(wrong.record.explanation[0].starts_with(
        "bisection: backward of rank 2 is right until hop 1 (keys of rank 1): dq: "));
  }
  CHECK(examined({}, true, Dtype::fp32, Pass::both).record.explanation.empty());
}

TEST_CASE("gradients of a wrong result are left alone") {
  const Examination wrong = examined({.is_wrong = true, .loses_query = true}, true, Dtype::fp32, Pass::both);
  REQUIRE(wrong.record.explanation.size() == 2);
  CHECK(wrong.record.explanation[0].starts_with("bisection: rank 2 is right until hop 1 (keys of rank 1): out: "));
  CHECK(wrong.record.explanation[1] == "bisection: dq, dk and dv come of that result, and were not looked into");
  CHECK(wrong.first_bad->what == FirstBadStep::What::result);
}

TEST_CASE("a byte that is kept after the call is an outcome, though every number is right") {
  const Examination keeping = examined({.keeps = true}, true);
  CHECK(*keeping.record.outcome == Outcome::new_wrong);
  CHECK(keeping.record.candidate_against_oracle->passed);
  CHECK(keeping.record.words.find("rank 3 keeps 5 bytes beside its results, its plan has 0") != std::string::npos);
}

}  // namespace ringattn
