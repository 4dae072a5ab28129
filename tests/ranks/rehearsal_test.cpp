#include "measure/rehearsal.h"

#include "config/error.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

namespace ringattn {
namespace {

struct Trial {
  std::string pattern = "dense";
  std::string segments = "[48, 100]";
  std::string rates = "[1, 3]";
  bool is_causal = false;
  std::int64_t kv_heads = 0;
  std::string mask = "none";
  std::int64_t n = 250;
};

std::unique_ptr<InputSource> inputs_of(const Trial& t) {
  return generated_inputs({.seed = 7,
                           .batch = 2,
                           .seq_len = t.n,
                           .heads = 4,
                           .head_dim = 16,
                           .distribution = InputDistribution::normal,
                           .kv_heads = t.kv_heads,
                           .mask = t.mask});
}

/// Every rank on its own gives, bit for bit, what it gives among the others, at the same bytes and messages.
void check_rehearsed(const Trial& t, int ranks) {
  const std::unique_ptr<InputSource> inputs = inputs_of(t);
  const RingAttentionConfig config = testing::ring_config(t.pattern, t.segments, t.rates);
  Problem problem{.seq_len = t.n, .heads = 4, .is_causal = t.is_causal};
  problem.kv_heads = t.kv_heads;
  problem.mask = inputs->mask_shape();
  RingAttention attention(config, problem, ranks);
  RankWorld world(ranks, {}, ranks);
  const MeteredRun measured = meter(world.world(), attention, *inputs, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(world.threads_per_rank());
  for (int rank = 0; rank < ranks; ++rank) {
    const std::string where = t.pattern + " k=" + std::to_string(ranks) + " rank " + std::to_string(rank);
    INFO(where);
    Rehearsal rehearsal(attention, rank, ranks, *inputs, at::kFloat, {});
    const Rehearsal::Metered alone = rehearsal.meter();
    const auto at = static_cast<std::size_t>(rank);
    CHECK(at::equal(alone.result.out, measured.results[at].out));
    CHECK(at::equal(alone.result.lse, measured.results[at].lse));
    CHECK(alone.cost.peak_bytes == measured.measurement.ranks[at].peak_bytes);
    CHECK(alone.cost.sent_bytes == measured.measurement.ranks[at].sent_bytes);
    CHECK(alone.cost.received_bytes == measured.measurement.ranks[at].received_bytes);
    CHECK(alone.cost.messages == measured.measurement.ranks[at].messages);
  }
  at::set_num_threads(threads);
}

TEST_CASE("a rehearsed rank gives the measured world's rows bit for bit") {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    check_rehearsed({}, ranks);
    check_rehearsed({.is_causal = true}, ranks);
    check_rehearsed({.pattern = "dilated"}, ranks);
  }
  check_rehearsed({.pattern = "longnet", .is_causal = true}, 4);
  check_rehearsed({.pattern = "dilated_keys", .kv_heads = 2}, 4);
  check_rehearsed({.mask = "padding"}, 4);
  check_rehearsed({.n = 5}, 8);
}

TEST_CASE("rows held beforehand are the rows that would be made") {
  const Trial t{.is_causal = true};
  const std::unique_ptr<InputSource> inputs = inputs_of(t);
  RingAttention attention(testing::ring_config("dense", t.segments, t.rates), t.n, 4, true, 4);
  Rehearsal made(attention, 2, 4, *inputs, at::kFloat, {}), held(attention, 2, 4, *inputs, at::kFloat, {});
  held.prepare(std::int64_t{1} << 30);
  CHECK(at::equal(held.meter().result.out, made.meter().result.out));
}

TEST_CASE("no wait ends before the link lets it") {
  const Trial t;
  const std::unique_ptr<InputSource> inputs = inputs_of(t);
  RingAttention attention(testing::ring_config("dense", t.segments, t.rates), t.n, 4, false, 4);
  constexpr double latency_us = 20'000.0;
  Rehearsal rehearsal(attention, 1, 4, *inputs, at::kFloat, {.link = {"slow", 1.0, latency_us, "test"}});
  const Rehearsal::Timed timed = rehearsal.time();
  CHECK(timed.time_ns >= static_cast<std::int64_t>(3 * 1e3 * latency_us));
  CHECK(timed.clock.transfer_ns >= static_cast<std::int64_t>(3 * 1e3 * latency_us));
  CHECK(timed.clock.exposed_ns > 0);
}

TEST_CASE("what kernels lose to a transfer is bounded by both") {
  CHECK(contention_ns(100, 1000, 1.1) == 10);  // all of the computing within the transfer
  CHECK(contention_ns(1000, 110, 1.1) == 10);  // the whole transfer within the computing
  CHECK(contention_ns(1000, 0, 1.1) == 0);
  CHECK(contention_ns(1000, 1000, 1.0) == 0);
}

/// A class whose ranks meet in an all_gather of something that is nobody's rows.
class Gathering final : public Attention {
 public:
  explicit Gathering(AttentionFunction function) : Attention(std::move(function)) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return contiguous_positions(function().seq_len, rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return do_query_positions(rank, world_size); }
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    at::Tensor own = inputs.key + 1.0;
    std::vector<at::Tensor> all;
    std::vector<Block> blocks;
    for (int r = 0; r < communicator.world_size(); ++r) {
      all.push_back(at::empty_like(own));
      blocks.push_back({static_cast<std::byte*>(all.back().data_ptr()), 1, static_cast<std::int64_t>(own.nbytes()),
                        static_cast<std::int64_t>(own.nbytes())});
    }
    communicator.all_gather({static_cast<std::byte*>(own.data_ptr()), 1, static_cast<std::int64_t>(own.nbytes()),
                             static_cast<std::int64_t>(own.nbytes())},
                            blocks);
    return {inputs.query, {}};
  }
};

TEST_CASE("an exchange that no model can make is refused") {
  const Trial t{.n = 64};
  const std::unique_ptr<InputSource> inputs = inputs_of(t);
  RingAttention ring(testing::ring_config("dense", t.segments, t.rates), t.n, 4, false, 4);
  Gathering attention(ring.function());
  Rehearsal rehearsal(attention, 1, 4, *inputs, at::kFloat, {});
  CHECK_THROWS_AS(rehearsal.meter(), Unavailable);
}

}  // namespace
}  // namespace ringattn
