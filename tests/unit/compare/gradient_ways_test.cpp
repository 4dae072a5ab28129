#include "compare/gradient_ways.h"

#include "plan/returns.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

constexpr std::int64_t kSeqLen = 50, kKeyHeads = 2;

/// What comes home to the rank in that hop, by its returns: bool (rows, key heads).
at::Tensor coming_home(RingAttention& ring, int rank, int hop) {
  at::Tensor rows = at::zeros({ring.layout().local_rows(rank), kKeyHeads}, at::kBool);
  for (const Return& exchange : ring.returns(rank)) {
    if (exchange.hop != hop) continue;
    for (const Transfer& transfer : exchange.receives) {
      for (const TransferPart& part : transfer.parts) {
        if (part.source.region != RowSource::kOwn) continue;
        for (const Rows& run : part.source.rows)
          rows.narrow(1, part.heads.begin, part.heads.size()).index_fill_(0, at::tensor(expand(run), at::kLong), true);
      }
    }
  }
  return rows;
}

/// Own rows that came home up to a hop have every part that lies on a way which has ended.
void check_ways(RingAttention& ring, int ranks) {
  std::vector<const Plan*> plans;
  for (int rank = 0; rank < ranks; ++rank) plans.push_back(&ring.plan(rank));
  const GradientWays ways(plans);
  for (int owner = 0; owner < ranks; ++owner) {
    for (int from = 1; from < ranks; ++from) {
      CHECK(at::equal(ways.on_the_way(owner, from, from), ways.held(owner, from)));
      CHECK(at::equal(ways.home(owner, from, ranks - 1), ways.held(owner, from)));
      CHECK_FALSE(ways.home(owner, from, from - 1).any().item<bool>());
    }
    for (int hop = 1; hop < ranks; ++hop) CHECK(at::equal(ways.home(owner, hop, hop), coming_home(ring, owner, hop)));
  }
}

}  // namespace

TEST_CASE("what has come home by a hop is what the returns say, for any pattern, layout and number of ranks") {
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "longnet", "block_sparse"}) {
    for (const std::string layout : {"contiguous", "zigzag", "striped"}) {
      for (const int ranks : {2, 3, 4, 8}) {
        if (pattern == "block_sparse" && layout != "contiguous") continue;  // blocks lie on one rank each
        CAPTURE(pattern);
        CAPTURE(layout);
        CAPTURE(ranks);
        RingAttentionConfig config;
        if (pattern != "block_sparse") {
          set_field(config, "segment_lengths", "[12, 25]", "test");
          set_field(config, "dilation_rates", "[1, 3]", "test");
        }
        set_field(config, "pattern",
                  pattern == "block_sparse"
                      ? R"({"from": "dense", "blocks": {"rule": "local", "block_size": 5, "sparsity_ratio": 0.4}})"
                      : pattern,
                  "test");
        set_field(config, "layout", layout, "test");
        for (const bool is_causal : {false, true}) {
          RingAttention ring(config, {.seq_len = kSeqLen, .heads = 4, .is_causal = is_causal, .kv_heads = kKeyHeads},
                             ranks);
          check_ways(ring, ranks);
        }
      }
    }
  }
}

TEST_CASE("a way that a rank in the middle does not need ends before it, and another begins behind") {
  // Of one rank's rows: rank + 1 and rank + 3 hold row 0, all hold row 1, nobody row 2.
  const RowLayout layout{.kind = LayoutKind::contiguous, .seq_len = 12, .world_size = 4};
  std::vector<Plan> made(4);
  for (int rank = 0; rank < 4; ++rank) {
    made[static_cast<std::size_t>(rank)].layout = layout;
    made[static_cast<std::size_t>(rank)].pattern.function.heads = 1;
    made[static_cast<std::size_t>(rank)].rank = rank;
  }
  const auto hold = [&](int rank, int hop, std::vector<Rows> positions) {
    Step& step = made[static_cast<std::size_t>(rank)].steps.emplace_back();
    step.hop = hop;
    step.regions = {{{0, 1}, 1, std::move(positions)}};
  };
  hold(1, 1, {Rows{.first = 0, .count = 2}});
  hold(2, 2, {Rows{.first = 1, .count = 1}});
  hold(3, 3, {Rows{.first = 0, .count = 2}});
  const GradientWays ways({&made[0], &made[1], &made[2], &made[3]});
  const auto is = [](const at::Tensor& rows, std::vector<std::int64_t> wanted) {
    return at::equal(rows.squeeze(1), at::tensor(wanted, at::kLong).to(at::kBool));
  };
  CHECK(is(ways.home(0, 1, 1), {1, 0, 0}));
  CHECK(is(ways.home(0, 1, 2), {1, 0, 0}));
  CHECK(is(ways.home(0, 1, 3), {1, 1, 0}));
  CHECK(is(ways.home(0, 3, 3), {1, 1, 0}));
  CHECK(is(ways.on_the_way(0, 1, 3), {0, 1, 0}));
  CHECK(is(ways.on_the_way(0, 2, 3), {0, 1, 0}));
}

}  // namespace ringattn
