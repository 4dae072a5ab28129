#include "attention/device_stream.h"
#include "attention/stream_mover.h"
#include "config/error.h"
#include "measure/rank_world.h"
#include "measure/rehearsal.h"
#include "measure/runner.h"
#include "tests/cuda/gpu.h"
#include "tests/ranks/backward_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <memory>

namespace ringattn {
namespace {

Block block_of(const at::Tensor& rows) {
  const std::int64_t bytes = rows.element_size();
  return {static_cast<std::byte*>(rows.data_ptr()), rows.size(0), rows.stride(0) * bytes, rows.size(1) * bytes};
}

std::unique_ptr<InputSource> inputs_of(std::int64_t n, std::int64_t heads, std::int64_t dim) {
  return generated_inputs({.seed = 3, .batch = 1, .seq_len = n, .heads = heads, .head_dim = dim});
}

}  // namespace

TEST_CASE("rows arrive as the sender's earlier work left them, and the receiver's later work sees them") {
  NEEDS_GPU();
  for (const int k : {2, 3}) {
    World world(k, on_devices({}, at::kCUDA));
    world.run([&](Communicator& c) {
      const auto options = at::TensorOptions(at::kFloat).device(at::kCUDA);
      const at::Tensor busy = at::randn({2048, 2048}, options);
      at::Tensor late = busy;
      for (int i = 0; i < 20; ++i) late = at::mm(late, busy).mul_(0.02);
      // Written only after all that: a copy that did not wait would bring -1.
      const at::Tensor whole = at::full({100, 64}, -1.0, options);
      const at::Tensor sent = whole.slice(0, 0, 100, 2);
      sent.copy_((late.narrow(0, 0, 50).narrow(1, 0, 64) * 0.0).nan_to_num_(0.0) + static_cast<double>(c.rank()));
      const at::Tensor received = at::full({50, 64}, -2.0, options);
      const int next = (c.rank() + 1) % k, previous = (c.rank() + k - 1) % k;
      const Ticket ticket =
          c.post({.hop = 1, .sends = {{next, {block_of(sent)}}}, .receives = {{previous, {block_of(received)}}}});
      c.wait_received(ticket);
      const at::Tensor seen = received + 1.0;
      c.wait_sent(ticket);
      whole.fill_(-3.0);
      CHECK(at::equal(seen.cpu(), at::full({50, 64}, previous + 1.0)));
    });
    CHECK(world.traffic().sent_bytes(0) == 50 * 64 * 4);
  }
}

TEST_CASE("an all_gather brings every rank's rows") {
  NEEDS_GPU();
  spawn_ranks(
      3,
      [](Communicator& c) {
        const auto options = at::TensorOptions(at::kLong).device(at::kCUDA);
        const at::Tensor own = at::full({2, 5}, c.rank(), options);
        std::vector<at::Tensor> all;
        std::vector<Block> blocks;
        for (int rank = 0; rank < 3; ++rank) {
          all.push_back(at::full({2, 5}, -1, options));
          blocks.push_back(block_of(all.back()));
        }
        c.all_gather(block_of(own), blocks);
        for (int rank = 0; rank < 3; ++rank) CHECK((all[static_cast<std::size_t>(rank)] == rank).all().item<bool>());
      },
      on_devices({}, at::kCUDA));
}

TEST_CASE("a rank that fails ends the others, and the world runs again") {
  NEEDS_GPU();
  World world(2, on_devices({}, at::kCUDA));
  CHECK_THROWS_AS(world.run([](Communicator& c) {
    if (c.rank() == 1) throw RuntimeFailure("rank 1: planned");
    const at::Tensor rows = at::zeros({4, 4}, at::TensorOptions(at::kFloat).device(at::kCUDA));
    c.wait_received(c.post({.hop = 0, .sends = {}, .receives = {{1, {block_of(rows)}}}}));
  }),
                  RuntimeFailure);
  world.run([](Communicator& c) { c.barrier(); });
}

TEST_CASE("the meter counts a GPU's bytes as requested, on its own thread alone") {
  NEEDS_GPU();
  const auto options = at::TensorOptions(at::kByte).device(at::kCUDA);
  const MemoryMeter meter{at::Device(at::kCUDA)};
  at::Tensor first = at::empty({1001}, options);
  {
    const at::Tensor second = at::empty({3'000'003}, options);
    const MemoryMeter inner{at::Device(at::kCUDA)};
    const at::Tensor hidden = at::empty({77}, options);
    CHECK(inner.use().peak_bytes == 77);
  }
  (void)at::empty({1 << 20}, at::kByte);  // the CPU's
  first.reset();
  CHECK(meter.use().peak_bytes == 3'001'004);
  CHECK(meter.use().largest_bytes == 3'000'003);
  CHECK(meter.use().live_bytes == 0);
  CHECK(meter.use().allocations == 2);
}

TEST_CASE("a rehearsed rank gives the world's rows, traffic and peak, and waits for its link") {
  NEEDS_GPU();
  constexpr int k = 4;
  const std::unique_ptr<InputSource> numbers = inputs_of(1024, 2, 64);
  const std::unique_ptr<InputSource> inputs = inputs_on(*numbers, at::kCUDA);
  RingAttention attention(testing::ring_config("dense", "[1024]", "[1]"), 1024, 2, true, k);
  RankWorld world(k, {}, at::kCUDA);
  const MeteredRun all = meter(world.world(), attention, *inputs, at::kBFloat16);
  for (int rank = 0; rank < k; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    Rehearsal rehearsal(attention, rank, k, *inputs, at::kBFloat16,
                        {.link = {.name = "slow", .gb_s = 1.0, .us = 3000.0, .source = ""}});
    rehearsal.prepare(std::int64_t{1} << 30);
    const Rehearsal::Metered alone = rehearsal.meter();
    CHECK(at::equal(alone.result.out, all.results[r].out));
    CHECK(at::equal(alone.result.lse, all.results[r].lse));
    CHECK(alone.cost.peak_bytes == all.measurement.ranks[r].peak_bytes);
    CHECK(alone.cost.received_bytes == all.measurement.ranks[r].received_bytes);
    CHECK(alone.cost.sent_bytes == all.measurement.ranks[r].sent_bytes);
    const Rehearsal::Timed timed = rehearsal.time();
    CHECK(timed.time_ns >= 3 * 3'000'000);
    CHECK(timed.clock.exposed_ns >= 5'000'000);
    CHECK(timed.clock.exposed_ns <= timed.time_ns);
  }
}

TEST_CASE("what a rank spends on the GPU is its price, whatever the number of ranks") {
  NEEDS_GPU();
  const std::unique_ptr<InputSource> numbers = inputs_of(2000, 4, 64);
  const std::unique_ptr<InputSource> inputs = inputs_on(*numbers, at::kCUDA);
  for (const char* pattern : {"dense", "dilated", "dilated_keys"}) {
    for (const int k : {1, 2, 4, 8}) {
      RingAttention attention(testing::ring_config(pattern, "[300, 700, 1500]", "[1, 2, 3]"), 2000, 4, true, k);
      RankWorld world(k, {}, at::kCUDA);
      const MeteredRun run = meter(world.world(), attention, *inputs, at::kBFloat16);
      std::vector<std::int64_t> priced(static_cast<std::size_t>(k));
      world.world().run([&](Communicator& c) {
        priced[static_cast<std::size_t>(c.rank())] =
            price_peak(attention, c.rank(), price_shape(*inputs, at::kBFloat16)).peak_bytes();
      });
      for (std::size_t rank = 0; rank < priced.size(); ++rank) {
        INFO(fmt::format("{} k={} rank {}", pattern, k, rank));
        CHECK(run.measurement.ranks[rank].peak_bytes == priced[rank]);
      }
    }
  }
}

TEST_CASE("what a rank's backward pass spends on the GPU is its price") {
  NEEDS_GPU();
  const RankInputs full = testing::full_inputs(1, 2000, 4, 64, at::kBFloat16);
  const at::Tensor grad_out = testing::full_inputs(1, 2000, 4, 64, at::kBFloat16, 8).query;
  for (const char* pattern : {"dense", "dilated", "dilated_keys"}) {
    for (const int k : {1, 2, 4, 8}) {
      INFO(fmt::format("{} k={}", pattern, k));
      const testing::BackwardRun run =
          testing::run_backward(testing::ring_config(pattern, "[300, 700, 1500]", "[1, 2, 3]"), full, grad_out,
                                {.seq_len = 2000, .heads = 4, .is_causal = true}, k, 1, at::kCUDA);
      for (std::size_t rank = 0; rank < run.memory.size(); ++rank)
        CHECK(run.memory[rank].peak_bytes == run.priced_peak_bytes[rank]);
    }
  }
}

}  // namespace ringattn
