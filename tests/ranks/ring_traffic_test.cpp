#include "attention/attends.h"
#include "config/config_json.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>

// What really travels, seen at the copies: keys and values carry their own names (head and position), which the
// observer reads back.

namespace ringattn {
namespace {

using Row = std::pair<std::int64_t, std::int64_t>;  // head, position

/// Every element of a row holds its name, head · n + position, and values the negative of it less one half.
RankInputs named_inputs(std::int64_t n, std::int64_t heads, std::int64_t dim) {
  const at::Tensor name = (at::arange(heads, at::kFloat) * static_cast<double>(n)).view({1, 1, heads, 1}) +
                          at::arange(n, at::kFloat).view({1, n, 1, 1});
  const at::Tensor key = name.expand({1, n, heads, dim}).contiguous();
  return {at::zeros_like(key), key, -key - 0.5};
}

/// The rows that reached each rank, keys and values apart.
struct Seen {
  std::mutex mutex;
  std::vector<std::multiset<Row>> keys, values;
  explicit Seen(int ranks) : keys(static_cast<std::size_t>(ranks)), values(static_cast<std::size_t>(ranks)) {}

  void read(int to, std::span<const std::byte> bytes, std::int64_t n, std::int64_t dim) {
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    const std::scoped_lock lock(mutex);
    for (std::size_t i = 0; i < numbers.size(); i += static_cast<std::size_t>(dim)) {
      const bool is_key = numbers[i] >= 0.0F;
      const auto name = static_cast<std::int64_t>(is_key ? numbers[i] : -numbers[i] - 0.5F);
      (is_key ? keys : values)[static_cast<std::size_t>(to)].insert({name / n, name % n});
    }
  }
};

std::multiset<Row> needed_rows(const AttentionFunction& f, const std::set<std::int64_t>& own) {
  std::set<Row> needed;
  for (std::int64_t pair = 0; pair < static_cast<std::int64_t>(f.pairs.size()); ++pair) {
    for (std::int64_t head = 0; head < f.heads; ++head) {
      for (const std::int64_t query : own) {
        for (std::int64_t key = 0; key < f.seq_len; ++key) {
          if (!own.contains(key) && attends(f, pair, head, query, key)) needed.insert({head, key});
        }
      }
    }
  }
  return {needed.begin(), needed.end()};
}

}  // namespace

TEST_CASE("each rank receives the rows that the definition says it needs, keys and values, each once") {
  std::mt19937 random(11);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  constexpr std::int64_t kDim = 2;
  for (int trial = 0; trial < 120; ++trial) {
    const std::int64_t n = pick(1, 48), heads = pick(1, 4);
    const int ranks = pick(1, 8);
    const bool is_causal = pick(0, 1) == 1;
    const std::string pattern = std::vector<std::string>{
        "dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet"}[static_cast<std::size_t>(pick(0, 5))];
    const RingAttentionConfig config = testing::ring_config(pattern, fmt::format("[{}, {}]", pick(1, 50), pick(1, 50)),
                                                            fmt::format("[{}, {}]", pick(1, 4), pick(1, 4)),
                                                            pick(0, 1) == 0 ? "contiguous" : "zigzag");
    INFO(fmt::format("{} n={} heads={} k={} causal={}", to_json_short(config).dump(), n, heads, ranks, is_causal));
    Seen seen(ranks);
    WorldOptions options;
    options.on_copy = [&](int, int to, int, std::span<const std::byte> bytes) { seen.read(to, bytes, n, kDim); };
    const testing::RingRun run =
        testing::run_ring(config, named_inputs(n, heads, kDim), is_causal, ranks, std::move(options));
    const RingAttention attention(config, n, heads, is_causal, ranks);
    for (int rank = 0; rank < ranks; ++rank) {
      const std::vector<std::int64_t> rows = expand(attention.query_positions(rank, ranks));
      const std::multiset<Row> needed = needed_rows(attention.function(), {rows.begin(), rows.end()});
      CHECK((seen.keys[static_cast<std::size_t>(rank)] == needed));
      CHECK((seen.values[static_cast<std::size_t>(rank)] == needed));
      CHECK(run.traffic.received_bytes(rank) == static_cast<std::int64_t>(2 * needed.size() * kDim * sizeof(float)));
    }
  }
}

TEST_CASE("dense peak bytes are c rows of the shard, two received blocks, and the kernel's own") {
  constexpr std::int64_t n = 1680, heads = 2, dim = 16;  // divisible by 3 … 8
  const RankInputs full = testing::full_inputs(1, n, heads, dim, at::kFloat);
  for (const int ranks : {2, 3, 4, 5, 6, 7, 8}) {
    const RingAttentionConfig config = testing::ring_config("dense", "[1680]", "[1]", "contiguous");
    RingAttention attention(config, n, heads, false, ranks);
    const testing::RingRun run = testing::run_ring(config, full, false, ranks);
    const std::int64_t rows = n / ranks;
    const std::int64_t state_bytes = rows * heads * (dim + 1) * 4;
    const std::int64_t block_bytes = 2 * rows * heads * dim * 4;
    for (int rank = 0; rank < ranks; ++rank) {
      std::int64_t kernel_bytes = 0;
      std::thread([&] {
        at::set_num_threads(1);
        kernel_bytes = price_peak(attention, rank, {.batch = 1, .head_dim = dim}).kernel_bytes;
      }).join();
      CHECK(run.memory[static_cast<std::size_t>(rank)].peak_bytes ==
            state_bytes + std::min(2, ranks - 1) * block_bytes + kernel_bytes);
    }
  }
}

}  // namespace ringattn
