#include "attention/executor.h"
#include "config/error.h"
#include "pattern/block_tiles.h"
#include "ring/block_sparse_ring_attention.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <set>

// What left out blocks cost: nothing. Time, tiles, bytes and hops of block sparsity, each counted apart from the plan.

namespace ringattn {
namespace {

constexpr std::int64_t kBlock = 32, kHeads = 2, kDim = 16, kBatch = 2;

RingAttentionConfig sparse_config(const std::string& blocks, const std::string& order = "position") {
  RingAttentionConfig config = testing::ring_config("auto", "[1]", "[1]");
  set_field(config, "pattern", R"({"from":"dense","order":")" + order + R"(","blocks":)" + blocks + "}", "test");
  return config;
}

/// Counts what it is given to do.
class CountingBackend final : public BlockBackend {
 public:
  std::string name() const override { return "counting"; }
  std::int64_t couples() const { return couples_; }

 private:
  Partial do_forward(const BlockInputs& inputs) const override {
    couples_ += inputs.query.size(0) * inputs.query.size(1) * inputs.query.size(2) * inputs.key.size(2);
    return inner_->forward(inputs);
  }
  BlockGradients do_backward(const BlockInputs& inputs, const BlockGradientInputs& result) const override {
    return inner_->backward(inputs, result);
  }

  std::unique_ptr<BlockBackend> inner_ = make_reference_backend();
  mutable std::int64_t couples_ = 0;
};

/// Bytes that rank r receives when it needs the key blocks that `meets` gives its own.
template <typename Meets>
std::int64_t needed_bytes(const RowLayout& layout, std::int64_t blocks, int rank, const Meets& meets) {
  const auto owner = [&](std::int64_t block) {
    for (int r = 0; r < layout.world_size; ++r) {
      const Positions own = layout.positions(r);
      if (!own.empty() && own.front().first <= block * kBlock && block * kBlock < own.front().first + own.front().count)
        return r;
    }
    return -1;
  };
  std::set<std::int64_t> needed;
  for (std::int64_t i = 0; i < blocks; ++i) {
    for (std::int64_t j = 0; j < blocks; ++j) {
      if (owner(i) == rank && owner(j) != rank && meets(i, j)) needed.insert(j);
    }
  }
  return std::ssize(needed) * kBlock * 2 * kBatch * kHeads * kDim * std::int64_t{4};
}

double cpu_seconds(RingAttention& attention, const RankInputs& inputs) {
  World world(1, {});
  double seconds = 0;
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const std::clock_t begin = std::clock();
    attention.forward(communicator, inputs);
    seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  });
  return seconds;
}

}  // namespace

TEST_CASE("bytes moved are the blocks needed, and nobody sends what nobody needs") {
  const std::int64_t blocks = 24, n = blocks * kBlock;
  // 0.8 of 576 couples go: 115 stay, |i - j| <= 2 has 24·5 - 6 = 114.
  const RingAttentionConfig config = sparse_config(R"({"rule":"local","block_size":32,"sparsity_ratio":0.8})");
  const RankInputs full = testing::full_inputs(kBatch, n, kHeads, kDim, at::kFloat, 3);
  for (const int ranks : {2, 3, 4, 5, 8}) {
    CAPTURE(ranks);
    RingAttention attention(config, {.seq_len = n, .heads = kHeads}, ranks);
    const testing::RingRun run = testing::run_ring(attention, full);
    for (int rank = 0; rank < ranks; ++rank) {
      const auto near = [](std::int64_t i, std::int64_t j) { return std::abs(i - j) <= 2; };
      CHECK(run.traffic.received_bytes(rank) == needed_bytes(attention.layout(), blocks, rank, near));
    }
    for (const TrafficRecord& record : run.traffic.records) {
      if (record.bytes > 0) CHECK(std::abs(record.from - record.to) == 1);
    }
  }
}

TEST_CASE("memory savings are the guide's formula, and beside it what a call came to") {
  const std::int64_t blocks = 24, n = blocks * kBlock;
  const RankInputs full = testing::full_inputs(kBatch, n, kHeads, kDim, at::kFloat, 3);
  World world(2, {});
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    BlockSparseRingAttention attention(
        testing::ring_config("dense", "[1]", "[1]"), communicator,
        BlockSparsity{.rule = BlockRule::local, .block_size = 32, .sparsity_ratio = 0.8});
    const MemorySavings before = attention.get_memory_savings();
    CHECK(before.ring_reduction == 0.5);
    CHECK(before.sparse_reduction == doctest::Approx(0.2));
    CHECK(before.total_reduction == doctest::Approx(0.1));
    CHECK(before.effective_speedup == doctest::Approx(10.0));
    CHECK_FALSE(before.measured.has_value());
    for (int call = 0; call < 2; ++call) {
      (void)attention.forward(full.query, full.key, full.value);
      const auto measured = attention.get_memory_savings().measured;
      REQUIRE(measured);
      // |i - j| <= 2, as above; a rank has 12 of 24 blocks and receives the two next to its own.
      CHECK(measured->couples == kHeads * blocks * blocks);
      CHECK(measured->active_couples == kHeads * (blocks * 5 - 6));
      CHECK(measured->ring_reduction == 0.5);
      CHECK(measured->sparse_reduction == doctest::Approx(114.0 / 576.0));
      CHECK(measured->total_reduction == doctest::Approx(57.0 / 576.0));
      CHECK(measured->received_bytes == 2 * kBlock * 2 * kBatch * kHeads * kDim * std::int64_t{4});
      CHECK(measured->dense_received_bytes == 12 * kBlock * 2 * kBatch * kHeads * kDim * std::int64_t{4});
    }
  });
}

TEST_CASE("a dilation that skips a rank's blocks sends it nothing") {
  const std::int64_t blocks = 8, n = blocks * kBlock;
  // One block a rank and steps of 4 blocks: rank r needs block r ± 4 alone.
  const RingAttentionConfig config =
      sparse_config(R"({"rule":"dilated","block_size":32,"sparsity_ratio":0.7,"rates":[4]})");
  const RankInputs full = testing::full_inputs(kBatch, n, kHeads, kDim, at::kFloat, 3);
  RingAttention attention(config, {.seq_len = n, .heads = kHeads}, 8);
  const testing::RingRun run = testing::run_ring(attention, full);
  for (const TrafficRecord& record : run.traffic.records) {
    if (record.bytes > 0) CHECK(std::abs(record.from - record.to) == 4);
  }
  for (int rank = 0; rank < 8; ++rank) CHECK(run.traffic.messages(rank) == 1);
}

TEST_CASE("the kernels are given the planned tiles and nothing else") {
  const std::int64_t n = 24 * kBlock;
  const RankInputs full = testing::full_inputs(kBatch, n, kHeads, kDim, at::kFloat, 3);
  for (const char* blocks : {R"({"rule":"local","block_size":32,"sparsity_ratio":0.8})",
                             R"({"rule":"dilated","block_size":32,"sparsity_ratio":0.8,"rates":[1,3],"per_head":true})",
                             R"({"rule":"global_local","block_size":32,"sparsity_ratio":0.7})"}) {
    CAPTURE(blocks);
    const int ranks = 3;
    RingAttention attention(sparse_config(blocks), {.seq_len = n, .heads = kHeads}, ranks);
    std::int64_t given = 0, planned = 0;
    std::mutex gather;
    World world(ranks, {});
    world.run([&](Communicator& communicator) {
      const int rank = communicator.rank();
      const CountingBackend backend;
      const Plan& plan = attention.plan(rank);
      execute(plan, testing::rank_inputs(full, attention, rank, ranks), communicator, backend);
      const std::scoped_lock lock(gather);
      given += backend.couples();
      planned += kBatch * cost_of(plan, {}).attended_pairs;
    });
    CHECK(given == planned);
    const BlockCount count = count_blocks(attention.pattern());
    CHECK(planned == kBatch * count.active * kBlock * kBlock);
    CHECK(count.active < count.couples);
  }
}

TEST_CASE("at density 0.1 block sparsity takes at most a fifth of the dense time") {
  const std::int64_t n = 16384;
  const RankInputs inputs = testing::full_inputs(1, n, 1, 64, at::kFloat, 3);
  RingAttention dense(testing::ring_config("dense", "[1]", "[1]"), {.seq_len = n, .heads = 1}, 1);
  const double dense_seconds = cpu_seconds(dense, inputs);
  for (const char* blocks : {R"({"rule":"local","block_size":64,"sparsity_ratio":0.9})",
                             R"({"rule":"dilated","block_size":64,"sparsity_ratio":0.9,"rates":[1,2,4]})",
                             R"({"rule":"global_local","block_size":64,"sparsity_ratio":0.9})"}) {
    RingAttention sparse(sparse_config(blocks), {.seq_len = n, .heads = 1}, 1);
    const double density = count_blocks(sparse.pattern()).density();
    CHECK(density > 0.09);
    CHECK(density <= 0.1);
    const double seconds = std::min(cpu_seconds(sparse, inputs), cpu_seconds(sparse, inputs));
    MESSAGE(std::string(blocks) << ": " << seconds / dense_seconds << " of the dense time at density " << density);
    CHECK(seconds <= 0.2 * dense_seconds);
  }
}

TEST_CASE("on a 2-D grid the Hilbert curve takes less time than row order") {
  const std::int64_t n = 128 * 128;
  const std::string grid = R"({"rule":"grid","block_size":64,"grid_width":128,"grid_radius":8})";
  const RankInputs inputs = testing::full_inputs(1, n, 1, 64, at::kFloat, 3);
  RingAttention rows(sparse_config(grid), {.seq_len = n, .heads = 1}, 1);
  RingAttention curve(sparse_config(grid, "hilbert"), {.seq_len = n, .heads = 1}, 1);
  const double row_seconds = std::min(cpu_seconds(rows, inputs), cpu_seconds(rows, inputs));
  const double curve_seconds = std::min(cpu_seconds(curve, inputs), cpu_seconds(curve, inputs));
  MESSAGE(curve_seconds << " s along the curve, " << row_seconds << " s by rows");
  CHECK(curve_seconds < row_seconds);
}

TEST_CASE("on a 2-D grid the Hilbert curve leaves fewer blocks and fewer bytes than row order") {
  const std::int64_t side = 128, n = side * side;
  const std::string grid = R"({"rule":"grid","block_size":64,"grid_width":128,"grid_radius":8})";
  RingAttentionConfig along = sparse_config(grid, "hilbert");
  along.use_hilbert = true;
  const Problem problem{.seq_len = n, .heads = 1};
  for (const int ranks : {4, 8, 16}) {
    CAPTURE(ranks);
    RingAttention rows(sparse_config(grid), problem, ranks), curve(along, problem, ranks);
    CHECK(rows.layout().kind == LayoutKind::contiguous);
    CHECK(curve.layout().kind == LayoutKind::hilbert);
    std::int64_t row_bytes = 0, curve_bytes = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      row_bytes += cost_of(rows.plan(rank), {}).received_bytes;
      curve_bytes += cost_of(curve.plan(rank), {}).received_bytes;
    }
    CHECK(curve_bytes < row_bytes);
    if (ranks == 4) {
      CHECK(count_blocks(rows.pattern()).active == 8416);
      CHECK(count_blocks(curve.pattern()).active == 2116);
    }
  }
}

TEST_CASE("shards that are no whole blocks are refused with the nearest that are") {
  const Problem problem{.seq_len = 256, .heads = 1};
  const RingAttentionConfig config = sparse_config(R"({"rule":"local","block_size":32})");
  const auto refusal = [&](const auto& make) -> std::string {
    try {
      make();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal([&] {
          RingAttention(config, problem, std::vector<std::int64_t>{100, 156});
        }) == "shard_rows: rank 0 has 100 rows, no whole blocks of 32; the nearest that are: 96 or 128");
  RingAttentionConfig zigzag = config, striped = config;
  zigzag.layout = Layout::zigzag;
  striped.layout = Layout::striped;
  CHECK(refusal([&] { RingAttention(zigzag, problem, 4); }).empty());
  CHECK(refusal([&] { RingAttention(zigzag, problem, 3); }) ==
        "seq_len: 256 rows in zigzag chunks of 3 ranks are no whole blocks of 32; the nearest that are: 192 or 384; "
        "layout contiguous deals whole blocks");
  CHECK(refusal([&] { RingAttention(striped, problem, 4); }) ==
        "layout: striped cuts blocks of 32 positions; contiguous deals whole blocks");
}

}  // namespace ringattn
