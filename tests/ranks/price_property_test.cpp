#include "comm/world.h"
#include "config/error.h"
#include "measure/assemble.h"
#include "measure/pass_price.h"
#include "measure/runner.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>

// What a run sends, receives and allocates is what its plans price, for random patterns, layouts and numbers of ranks.

namespace ringattn {
namespace {

class Draw {
 public:
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  template <typename E>
  E value(int values) {
    return static_cast<E>(number(0, values - 1));
  }

 private:
  std::mt19937 random_{2026};
};

struct Drawn {
  std::unique_ptr<InputSource> inputs;
  std::unique_ptr<RingAttention> ring;
  std::string name;
};

/// Nothing where what was drawn has no meaning.
Drawn drawn_ring(Draw& draw, int ranks) {
  const std::int64_t n = draw.number(1, 120), heads = 2 * draw.number(1, 2);
  RingAttentionConfig config;
  const std::int64_t pairs = draw.number(1, 3);
  for (std::int64_t i = 0; i < pairs; ++i) {
    config.segment_lengths.push_back(draw.number(1, n + 10));
    config.dilation_rates.push_back(draw.number(1, 4));
  }
  config.pattern = {
      .name = PatternName::custom,
      .axes = {draw.value<Placement>(4), draw.value<HeadRule>(5), draw.value<OffsetRule>(5), draw.value<QueryRule>(2),
               draw.value<KeyRule>(4), draw.value<JoinRule>(4), draw.value<OrderRule>(3), draw.value<TailRule>(3)}};
  const Layout layouts[] = {Layout::automatic, Layout::contiguous, Layout::zigzag, Layout::striped, Layout::hilbert};
  config.layout = layouts[draw.number(0, 4)];
  const char* const masks[] = {"none", "none", "padding", "random"};
  auto inputs = generated_inputs({.seed = 1,
                                  .batch = draw.number(1, 2),
                                  .seq_len = n,
                                  .heads = heads,
                                  .head_dim = 8,
                                  .kv_heads = draw.number(0, 1) == 0 ? 0 : heads / 2,
                                  .mask = masks[draw.number(0, 3)]});
  Problem problem{.seq_len = n,
                  .heads = heads,
                  .is_causal = draw.number(0, 1) == 1,
                  .kv_heads = inputs->kv_heads() == heads ? 0 : inputs->kv_heads(),
                  .mask = inputs->mask_shape()};
  if (draw.number(0, 2) == 0) problem.window = {draw.number(-1, 30), draw.number(-1, 30)};
  try {
    validate(config);
    return {std::move(inputs), std::make_unique<RingAttention>(config, problem, ranks),
            fmt::format("{} n={} heads={} ranks={}", to_json_text_short(config), n, heads, ranks)};
  } catch (const UsageError&) {
    return {};
  }
}

void check_costs(const Drawn& drawn, int ranks, Pass pass) {
  INFO(drawn.name);
  World world(ranks);
  const PriceShape shape = price_shape(*drawn.inputs, at::kFloat);
  std::vector<PassPrice> priced(static_cast<std::size_t>(ranks));
  world.run([&](Communicator& c) {
    at::set_num_threads(1);
    priced[static_cast<std::size_t>(c.rank())] = price_pass(*drawn.ring, c.rank(), shape, pass);
  });
  const MeteredRun run = meter(world, *drawn.ring, *drawn.inputs, at::kFloat, pass);
  for (std::size_t rank = 0; rank < priced.size(); ++rank) {
    CAPTURE(rank);
    const RankCost& spent = run.measurement.ranks[rank];
    CHECK(spent.sent_bytes == priced[rank].sent_bytes);
    CHECK(spent.received_bytes == priced[rank].received_bytes);
    CHECK(spent.messages == priced[rank].messages);
    CHECK(spent.peak_bytes == priced[rank].peak_bytes);
    CHECK(spent.kept_bytes == 0);
  }
}

}  // namespace

TEST_CASE("random rings send, receive and allocate what their plans price, and keep nothing") {
  at::set_num_threads(1);
  Draw draw;
  int ran = 0;
  while (ran < 120) {
    const auto ranks = static_cast<int>(draw.number(1, 8));
    const Drawn drawn = drawn_ring(draw, ranks);
    if (!drawn.ring) continue;
    check_costs(drawn, ranks, ran % 3 == 0 ? Pass::both : Pass::forward);
    ++ran;
  }
}

}  // namespace ringattn
