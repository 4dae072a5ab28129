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

/// The ring, whose rank 2 gets its running output wrong after hop 1, or which keeps a byte.
class Faulty final : public Attention {
 public:
  Faulty(RingAttention& ring, bool is_wrong, bool keeps)
      : Attention(ring.function()), ring_(ring), wrong_(is_wrong), keeps_(keeps) {}

  Partial traced(Communicator& c, const RankInputs& inputs, const AfterStep& watch) {
    ExecutorOptions options = ring_.executor_options();
    options.after_step = [&](const Step& step, std::span<const RunningState> states) {
      if (wrong_ && c.rank() == 2 && step.hop == 1) states.front().out().mul_(1.5);
      if (watch) watch(step, states);
    };
    if (keeps_ && c.rank() == 3) kept_ = at::empty({5}, at::kByte);
    return execute(ring_.plan(c.rank()), inputs, c, ring_.backend(), options);
  }

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }
  Partial do_forward(Communicator& c, const RankInputs& inputs) override { return traced(c, inputs, {}); }

  RingAttention& ring_;
  bool wrong_, keeps_;
  at::Tensor kept_;
};

Examination examined(bool is_wrong, bool keeps, bool bisect, Dtype dtype = Dtype::fp32) {
  at::set_num_threads(1);
  const Case axes{.seq_len = kSeqLen, .heads = 2, .head_dim = 8, .dtype = dtype, .ranks = kRanks};
  const auto inputs = generated_inputs({.seed = 4, .seq_len = kSeqLen, .heads = 2, .head_dim = 8});
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  RingAttention ring(config, kSeqLen, 2, false, kRanks);
  Faulty faulty(ring, is_wrong, keeps);
  RankWorld world(kRanks);
  ReferenceBook references(*inputs, {});
  const Candidate candidate{.id = "faulty",
                            .function_name = "dense",
                            .attention = ring,
                            .backend = {},
                            .layout = {},
                            .runs = &faulty,
                            .traced = [&](Communicator& c, const RankInputs& own, const AfterStep& watch) {
                              return faulty.traced(c, own, watch);
                            }};
  return examine(axes, candidate, nullptr, world, *inputs, references, {.with_time = false, .bisect = bisect});
}

}  // namespace

TEST_CASE("a right ring at its plan's price matches, and nothing is bisected") {
  const Examination right = examined(false, false, true);
  CHECK(*right.record.outcome == Outcome::match);
  CHECK_FALSE(right.first_bad.has_value());
  CHECK(right.record.explanation.empty());
}

TEST_CASE("a wrong result is traced to its rank and hop where that was asked for") {
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16}) {
    const Examination wrong = examined(true, false, true, dtype);
    CHECK(*wrong.record.outcome == Outcome::new_wrong);
    REQUIRE(wrong.first_bad.has_value());
    CHECK(wrong.first_bad->rank == 2);
    CHECK(wrong.first_bad->hop == 1);
    REQUIRE(wrong.record.explanation.size() == 1);
    CHECK(wrong.record.explanation[0].starts_with("bisection: rank 2 is right until hop 1 (keys of rank 1): out: "));
  }
  CHECK(examined(true, false, false).record.explanation.empty());
}

TEST_CASE("a byte that is kept after the call is an outcome, though every number is right") {
  const Examination keeping = examined(false, true, true);
  CHECK(*keeping.record.outcome == Outcome::new_wrong);
  CHECK(keeping.record.candidate_against_oracle->passed);
  CHECK(keeping.record.words.find("rank 3 keeps 5 bytes beside its results, its plan has 0") != std::string::npos);
}

}  // namespace ringattn
