#include "measure/runner.h"

#include "config/error.h"
#include "ring/ring_attention.h"
#include "tests/unit/measure/scripted_attention.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace ringattn {
namespace {

constexpr std::int64_t row_bytes = 2 * 4 * sizeof(float);  // 2 heads of 4

std::unique_ptr<InputSource> inputs_of(std::int64_t n) {
  return generated_inputs({.seed = 3, .batch = 1, .seq_len = n, .heads = 2, .head_dim = 4});
}

Block block(const at::Tensor& tensor) {
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  return {static_cast<std::byte*>(tensor.data_ptr()), bytes > 0 ? 1 : 0, bytes, bytes};
}

/// All-gathers the keys, as an old implementation would.
void gather_keys(Communicator& c, const RankInputs& inputs) {
  std::vector<at::Tensor> all;
  std::vector<Block> targets;
  for (const std::int64_t rows : c.all_gather_value(inputs.key.size(1))) {
    all.push_back(at::empty({1, rows, 2, 4}));
    targets.push_back(block(all.back()));
  }
  c.all_gather(block(inputs.key), targets);
}

TEST_CASE("the metering pass gives each rank's exact bytes and messages") {
  constexpr std::int64_t n = 10;
  constexpr int k = 4;  // shards of 3, 3, 3, 1 rows
  World world(k);
  ScriptedAttention attention(n, 2, false, gather_keys);
  const MeteredRun run = meter(world, attention, *inputs_of(n), at::kFloat);
  REQUIRE(run.measurement.ranks.size() == k);
  REQUIRE(run.results.size() == k);
  for (int rank = 0; rank < k; ++rank) {
    CAPTURE(rank);
    const std::int64_t rows = rank == 3 ? 1 : 3;
    const RankCost& cost = run.measurement.ranks[static_cast<std::size_t>(rank)];
    CHECK(cost.input_bytes == 3 * rows * row_bytes);
    CHECK(cost.peak_bytes == n * row_bytes);  // the gathered keys; the results later are smaller
    CHECK(cost.live_bytes == cost.input_bytes + cost.peak_bytes);
    CHECK(cost.largest_bytes == 3 * row_bytes);
    CHECK(cost.sent_bytes == 3 * rows * row_bytes);
    CHECK(cost.received_bytes == (n - rows) * row_bytes);
    CHECK(cost.messages == 3);
    CHECK(run.results[static_cast<std::size_t>(rank)].out.size(1) == rows);
  }
  CHECK(run.measurement.peak_bytes_max() == n * row_bytes);
  CHECK(run.measurement.sent_bytes_total() == 3 * n * row_bytes);
  CHECK(run.measurement.messages_total() == 12);
  CHECK(run.measurement.time_ns.empty());
  CHECK(run.measurement.metering_time_ns > 0);
}

TEST_CASE("metering again gives the same numbers, whatever ran and was kept in between") {
  World world(3);
  ScriptedAttention attention(30, 2, true, gather_keys);
  const MeteredRun first = meter(world, attention, *inputs_of(30), at::kFloat);
  Attention* contenders[] = {&attention};
  time_interleaved(world, contenders, *inputs_of(30), at::kFloat, {.pairs = 2, .stop = {}});
  const MeteredRun second = meter(world, attention, *inputs_of(30), at::kFloat);
  CHECK((first.measurement.ranks == second.measurement.ranks));
}

TEST_CASE("inputs have the asked dtype, and cost what it costs") {
  World world(2);
  ScriptedAttention attention(8, 2, false);
  const MeteredRun run = meter(world, attention, *inputs_of(8), at::kBFloat16);
  CHECK((run.results[0].out.scalar_type() == at::kBFloat16));
  CHECK(run.measurement.ranks[1].input_bytes == 3 * 4 * row_bytes / 2);
}

TEST_CASE("a mask's bytes are inputs: a key's beside the key, a row of scores beside the query") {
  World world(2);
  const auto bytes_of = [&](const std::string& mask) {
    const auto inputs =
        generated_inputs({.seed = 3, .batch = 1, .seq_len = 8, .heads = 2, .head_dim = 4, .mask = mask});
    RingAttentionConfig config;
    config.pattern.name = PatternName::dense;
    config.layout = Layout::contiguous;
    const Problem problem{.seq_len = 8, .heads = 2, .mask = inputs->mask_shape()};
    RingAttention attention(config, problem, 2);
    return meter(world, attention, *inputs, at::kFloat).measurement.ranks[1].input_bytes;
  };
  const std::int64_t unmasked = bytes_of("none");
  CHECK(unmasked == 3 * 4 * row_bytes);
  CHECK(bytes_of("padding") == unmasked + 4);            // one byte for each of the rank's 4 keys
  CHECK(bytes_of("random") == unmasked + 4 * 8);         // its 4 rows of 8 scores
  CHECK(bytes_of("alibi") == unmasked + 2 * 4 * 8 * 4);  // for each head, in fp32
}

/// Notes its letter once per run, on rank 0.
ScriptedAttention noting(std::string& log, char letter) {
  return {8, 2, false, [&log, letter](Communicator& c, const RankInputs&) {
            if (c.rank() == 0) log += letter;
          }};
}

TEST_CASE("contenders are warmed up, then interleaved ABBA, one time per pair") {
  World world(2);
  std::string log;
  ScriptedAttention a = noting(log, 'A'), b = noting(log, 'B');
  Attention* contenders[] = {&a, &b};
  const TimedRuns runs =
      time_interleaved(world, contenders, *inputs_of(8), at::kFloat, {.pairs = 3, .warmups = 2, .stop = {}});
  CHECK(log == "ABBAABBAAB");
  CHECK((runs.end == TimingEnd::complete));
  REQUIRE(runs.time_ns.size() == 2);
  for (const auto& times : runs.time_ns) {
    CHECK(times.size() == 3);
    for (const std::int64_t time : times) CHECK(time > 0);
  }
}

TEST_CASE("a stop keeps the whole pairs that were measured") {
  World world(2);
  std::string log;
  ScriptedAttention a = noting(log, 'A'), b = noting(log, 'B');
  Attention* contenders[] = {&a, &b};
  const TimingOptions options{.pairs = 100, .warmups = 0, .stop = [&] { return log.size() == 5; }};
  const TimedRuns runs = time_interleaved(world, contenders, *inputs_of(8), at::kFloat, options);
  CHECK(log == "ABBAA");
  CHECK((runs.end == TimingEnd::stopped));
  CHECK(runs.time_ns[0].size() == 2);
  CHECK(runs.time_ns[1].size() == 2);
}

TEST_CASE("a spent time budget still gives one pair") {
  World world(2);
  std::string log;
  ScriptedAttention a = noting(log, 'A');
  Attention* contenders[] = {&a};
  const TimingOptions options{.pairs = 100, .warmups = 3, .time_budget = std::chrono::nanoseconds(1), .stop = {}};
  const TimedRuns runs = time_interleaved(world, contenders, *inputs_of(8), at::kFloat, options);
  CHECK((runs.end == TimingEnd::over_budget));
  CHECK(runs.time_ns[0].size() == 1);
}

TEST_CASE("the error of a rank is rethrown from both passes, and the world can go on") {
  World world(3);
  ScriptedAttention broken(9, 2, false, [](Communicator& c, const RankInputs&) {
    if (c.rank() == 1) throw RuntimeFailure("rank 1: broken");
    c.barrier();
  });
  Attention* contenders[] = {&broken};
  const auto inputs = inputs_of(9);
  CHECK_THROWS_WITH_AS(meter(world, broken, *inputs, at::kFloat), "rank 1: broken", RuntimeFailure);
  CHECK_THROWS_WITH_AS(time_interleaved(world, contenders, *inputs, at::kFloat), "rank 1: broken", RuntimeFailure);
  ScriptedAttention whole(9, 2, false);
  CHECK(meter(world, whole, *inputs, at::kFloat).results.size() == 3);
}

TEST_CASE("nothing to time is refused") {
  World world(1);
  ScriptedAttention a(8, 2, false);
  Attention* contenders[] = {&a};
  const auto inputs = inputs_of(8);
  CHECK_THROWS_WITH_AS(time_interleaved(world, {}, *inputs, at::kFloat),
                       "contenders: none given, at least one is needed", UsageError);
  CHECK_THROWS_WITH_AS(time_interleaved(world, contenders, *inputs, at::kFloat, {.pairs = 0, .stop = {}}),
                       "pairs: 0, must be at least 1", UsageError);
}

}  // namespace
}  // namespace ringattn
