#include "measure/rank_world.h"
#include "measure/rehearsal.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"
#include "tests/cuda/gpu.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

// compile_mode reduce-overhead: the same bits as without, whatever the tensors hold, and wherever they lie.

namespace ringattn {
namespace {

constexpr std::int64_t kRows = 1536, kHeads = 4, kDim = 64;

RingAttentionConfig graphs(RingAttentionConfig config) {
  config.compile_mode = CompileMode::reduce_overhead;
  return config;
}

RankInputs drawn(std::int64_t rows, std::int64_t kv_heads, int seed) {
  at::manual_seed(static_cast<std::uint64_t>(seed));
  const auto draw = [&](std::int64_t heads) {
    return at::randn({1, rows, heads, kDim}).to(at::TensorOptions(at::kBFloat16).device(at::kCUDA));
  };
  const at::Tensor query = draw(kHeads), key = draw(kv_heads);
  return {.query = query, .key = key, .value = draw(kv_heads)};
}

void fill(RankInputs& inputs, const RankInputs& from) {
  inputs.query.copy_(from.query);
  inputs.key.copy_(from.key);
  inputs.value.copy_(from.value);
}

struct Shape {
  const char* pattern;
  bool is_causal;
  std::int64_t kv_heads;
};

}  // namespace

TEST_CASE("calls that are launched as graphs give the bits of calls that are not") {
  NEEDS_GPU();
  for (const Shape& s : {Shape{"dense", false, kHeads}, Shape{"dense", true, kHeads}, Shape{"dense", true, 1},
                         Shape{"dilated", false, kHeads}}) {
    for (const int k : {2, 3, 4}) {
      INFO(fmt::format("{} causal {} kv_heads {} k {}", s.pattern, s.is_causal, s.kv_heads, k));
      const Problem problem{.seq_len = kRows, .heads = kHeads, .is_causal = s.is_causal, .kv_heads = s.kv_heads};
      const RingAttentionConfig config = testing::ring_config(s.pattern, "[512, 1536]", "[1, 2]");
      RingAttention plain(config, problem, k), recorded(graphs(config), problem, k);
      std::mutex gather;
      int compared = 0, different = 0;
      std::int64_t launches = 0;
      RankWorld world(k, {}, at::kCUDA);
      world.world().run([&](Communicator& c) {
        const std::int64_t rows = count(plain.query_positions(c.rank(), k));
        RankInputs inputs = drawn(rows, s.kv_heads, 100 + c.rank());
        for (int call = 0; call < 6; ++call) {
          fill(inputs, drawn(rows, s.kv_heads, 1000 * call + c.rank()));
          const Partial want = plain.forward(c, inputs);
          const Partial got = recorded.forward(c, inputs);
          const bool is_equal = at::equal(want.out, got.out) && at::equal(want.lse, got.lse);
          const std::scoped_lock lock(gather);
          ++compared;
          different += is_equal ? 0 : 1;
        }
        const std::scoped_lock lock(gather);
        launches += recorded.graph_launches(c.rank());
      });
      CHECK(compared == 6 * k);
      CHECK(different == 0);
      CHECK(launches == 5 * k);  // the first call ran as it was
    }
  }
}

TEST_CASE("a result stays as it was while later calls are launched, on other streams too") {
  NEEDS_GPU();
  constexpr int k = 2;
  const Problem problem{.seq_len = kRows, .heads = kHeads, .is_causal = true};
  RingAttention recorded(graphs(testing::ring_config("dense", "[1536]", "[1]")), problem, k);
  std::vector<RankInputs> inputs;
  for (int rank = 0; rank < k; ++rank) inputs.push_back(drawn(count(recorded.query_positions(rank, k)), kHeads, rank));
  std::vector<std::vector<at::Tensor>> results(k);
  for (int world_number = 0; world_number < 3; ++world_number) {  // each with threads and streams of its own
    RankWorld world(k, {}, at::kCUDA);
    world.world().run([&](Communicator& c) {
      const auto rank = static_cast<std::size_t>(c.rank());
      for (int call = 0; call < 3; ++call) results[rank].push_back(recorded.forward(c, inputs[rank]).out);
      (void)results[rank].back().cpu();
    });
  }
  for (const std::vector<at::Tensor>& of_rank : results) {
    CHECK(of_rank.size() == 9);
    for (const at::Tensor& each : of_rank) CHECK(at::equal(each, of_rank.front()));
  }
  CHECK(recorded.graph_launches(0) == 8);
}

TEST_CASE("calls that graphs cannot hold run as they are") {
  NEEDS_GPU();
  constexpr int k = 2;
  Problem problem{.seq_len = kRows, .heads = kHeads, .is_causal = true};
  problem.window = {.left = 100, .right = 0};
  RingAttention recorded(graphs(testing::ring_config("dense", "[1536]", "[1]")), problem, k);
  RankWorld world(k, {}, at::kCUDA);
  world.world().run([&](Communicator& c) {
    const RankInputs inputs = drawn(count(recorded.query_positions(c.rank(), k)), kHeads, c.rank());
    for (int call = 0; call < 3; ++call) (void)recorded.forward(c, inputs);
  });
  CHECK(recorded.graph_launches(0) == 0);
}

TEST_CASE("a call takes its result alone once it is recorded, and the recording what the call took") {
  NEEDS_GPU();
  constexpr int k = 4;
  const Problem problem{.seq_len = kRows, .heads = kHeads};
  RingAttention recorded(graphs(testing::ring_config("dense", "[1536]", "[1]")), problem, k);
  std::mutex gather;
  std::vector<MemoryUse> uses(3);
  RankWorld world(k, {}, at::kCUDA);
  world.world().run([&](Communicator& c) {
    const RankInputs inputs = drawn(count(recorded.query_positions(c.rank(), k)), kHeads, c.rank());
    for (std::size_t call = 0; call < uses.size(); ++call) {
      const MemoryMeter meter(inputs.query.device());
      const Partial result = recorded.forward(c, inputs);
      const std::scoped_lock lock(gather);
      if (c.rank() == 0) uses[call] = meter.use();
    }
  });
  const std::int64_t rows = kRows / k, result_bytes = rows * kHeads * kDim * 2 + rows * kHeads * 4;
  CHECK(uses[2].peak_bytes == result_bytes);
  CHECK(uses[1].live_bytes <= uses[0].peak_bytes + 3 * result_bytes);
  CHECK(uses[0].live_bytes == result_bytes);
}

TEST_CASE("a rehearsed rank is launched as graphs, and gives the same rows") {
  NEEDS_GPU();
  constexpr int k = 4;
  const std::unique_ptr<InputSource> numbers =
      generated_inputs({.seed = 3, .batch = 1, .seq_len = kRows, .heads = kHeads, .head_dim = kDim});
  const std::unique_ptr<InputSource> inputs = inputs_on(*numbers, at::kCUDA);
  const RingAttentionConfig config = testing::ring_config("dense", "[1536]", "[1]");
  const Problem problem{.seq_len = kRows, .heads = kHeads, .is_causal = true};
  RingAttention plain(config, problem, k), recorded(graphs(config), problem, k);
  Rehearsal want(plain, 1, k, *inputs, at::kBFloat16, {}), got(recorded, 1, k, *inputs, at::kBFloat16, {});
  want.prepare(std::int64_t{1} << 30);
  got.prepare(std::int64_t{1} << 30);
  const Partial rows = want.meter().result;
  for (int call = 0; call < 4; ++call) CHECK(at::equal(got.meter().result.out, rows.out));
  CHECK(recorded.graph_launches(1) == 3);
}

}  // namespace ringattn
