#include "legacy/factory.h"

#include "comm/world.h"
#include "config/error.h"
#include "legacy/deprecation.h"
#include "legacy/raises.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <sstream>

namespace ringattn::legacy {

TEST_CASE("an intended implementation wants all queries and a shard of the keys, a shipped one the full inputs") {
  LegacyOptions options{{4}, {2}, false, {}};
  const auto intended = make_legacy("v2", options, {.seq_len = 10, .heads = 2, .is_causal = true}, 4);
  CHECK((intended->query_positions(1, 4) == Positions{{0, 10, 1}}));
  CHECK((intended->key_positions(1, 4) == contiguous_positions(10, 1, 4)));
  CHECK(intended->function().is_causal);
  CHECK((intended->function().pairs == std::vector<Pair>{{4, 2}}));
  options.as_shipped = true;
  CHECK((make_legacy("v2", options, {.seq_len = 10, .heads = 2, .is_causal = true}, 4)->key_positions(1, 4) ==
         Positions{{0, 10, 1}}));
}

TEST_CASE("ring_size belongs to the released classes, which answer for what it does") {
  CHECK_THROWS_WITH_AS(make_legacy("v2", {{4}, {1}, false, 2}, {.seq_len = 8, .heads = 2}, 1),
                       "ring_size: 2 is an argument of the released classes; it wants as_shipped", UsageError);
  CHECK_THROWS_WITH_AS(make_legacy("v2", {{4}, {1}, true, 0}, {.seq_len = 8, .heads = 2}, 1),
                       "ring_size: 0 must be at least 1", UsageError);
  CHECK_NOTHROW(make_legacy("v2", {{4}, {1}, true, 5}, {.seq_len = 8, .heads = 2}, 4));
}

TEST_CASE("a released class with anything that it did not have is refused by name, the intended function is not") {
  const auto refusal_of = [](std::string_view name, const Problem& problem, double dropout = 0.0,
                             std::optional<double> scale = {}) {
    LegacyOptions options{.segment_lengths = {4}, .dilation_rates = {1}, .dropout = dropout, .softmax_scale = scale};
    make_legacy(name, options, problem, 1);
    options.as_shipped = true;
    try {
      make_legacy(name, options, problem, 1);
    } catch (const Unavailable& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const auto refusal = [&](const Problem& problem, double dropout = 0.0, std::optional<double> scale = {}) {
    return refusal_of("v2", problem, dropout, scale);
  };
  const Problem plain{.seq_len = 8, .heads = 4};
  CHECK(refusal(plain) == "accepted");
  CHECK(refusal(plain, 0.5) == "accepted");  // evaluation drops nothing
  Problem asked = plain;
  asked.kv_heads = 4;
  CHECK(refusal(asked) == "accepted");
  asked.kv_heads = 2;
  CHECK(refusal(asked) ==
        "kv_heads: 2: RingDilatedAttentionV2 as released had no such thing, or ignored it; leave it out, or compare "
        "with the intended function (without as_shipped)");
  const auto begins = [&](const Problem& problem, const std::string& words) {
    return refusal(problem).find(words + ": RingDilatedAttentionV2 as released") == 0;
  };
  asked = plain;
  asked.window = {2, 2};
  CHECK(begins(asked, "window"));
  asked = plain;
  asked.documents = {0, 3, 8};
  CHECK(begins(asked, "documents"));
  asked = plain;
  asked.mask.kind = MaskKind::keys;
  CHECK(refusal(asked) == "accepted");  // it took a mask and ignored it
  CHECK(refusal_of("v2_collective", asked).find("mask: RingDilatedAttentionV2Collective as released") == 0);
  CHECK(refusal(plain, 0.0, 0.5).find("softmax_scale: ") == 0);
  asked = plain;
  asked.is_training = true;
  CHECK(refusal(asked, 0.5).find("dropout in training: RingDilatedAttentionV2 as released drew its own") == 0);
}

TEST_CASE("what a released class raised comes out as data, from any number of ranks") {
  const auto attention = make_legacy("v2", {{4}, {1}, true, {}}, {.seq_len = 8, .heads = 2}, 3);
  const at::Tensor rows = at::ones({1, 8, 2, 4});
  try {
    spawn_ranks(3, [&](Communicator& communicator) { attention->forward(communicator, {rows, rows, rows}); });
    FAIL("it must raise");
  } catch (const LegacyRaises& raised) {
    CHECK(raised.type == "AttributeError");
    CHECK(std::string(raised.what()) ==
          "raises: AttributeError: module 'torch.distributed' has no attribute 'sendrecv'");
  }
}

TEST_CASE("a class with projections of its own is refused as shipped, with the reason, and runs as intended") {
  const LegacyOptions shipped{{4}, {1}, true, {}};
  CHECK_THROWS_WITH_AS(
      make_legacy("Correct", shipped, {.seq_len = 8, .heads = 2}, 1),
      "as_shipped: RingDilatedAttentionCorrect (correct) has projections of its own, so that it has no result for "
      "query, key and value alone; give it some (--projection identity, random or FILE.safetensors), or compare with "
      "the intended function (without as_shipped)",
      Unavailable);
  CHECK(make_legacy("Correct", {{4}, {1}}, {.seq_len = 8, .heads = 2}, 1)->function().axes.keys == KeyRule::residue);
}

TEST_CASE("a class that never returned a value raises as shipped, and has no intended function to run") {
  const auto attention = make_legacy("refactored", {{4}, {1}, true, {}}, {.seq_len = 8, .heads = 2}, 1);
  const at::Tensor rows = at::ones({1, 8, 2, 4});
  spawn_ranks(1, [&](Communicator& communicator) {
    CHECK_THROWS_AS(attention->forward(communicator, {rows, rows, rows}), LegacyRaises);
  });
  CHECK_THROWS_AS(make_legacy("refactored", {{4}, {1}}, {.seq_len = 8, .heads = 2}, 1), Unavailable);
}

TEST_CASE("a class that returned its own rows alone has them at their places, and NaN elsewhere") {
  const at::Tensor rows = at::arange(1 * 8 * 2 * 4, at::kFloat).mul(0.7).sin().view({1, 8, 2, 4});
  World world(2);
  world.run([&](Communicator& communicator) {
    const auto attention = make_legacy("standard_shipped", {{4}, {1}, true, {}}, {.seq_len = 8, .heads = 2}, 2);
    const at::Tensor out = attention->forward(communicator, {rows, rows, rows}).out;
    const std::int64_t first = communicator.rank() * 4;
    CHECK(out.narrow(1, first, 4).isfinite().all().item<bool>());
    CHECK(out.narrow(1, 4 - first, 4).isnan().all().item<bool>());
  });
}

TEST_CASE("base as shipped gives every rank the one-process result, and sends nothing") {
  const at::Tensor rows = at::arange(1 * 8 * 2 * 4, at::kDouble).mul(0.7).sin().view({1, 8, 2, 4});
  const LegacyOptions options{{4, 8}, {1, 2}, true, {}};
  at::Tensor alone;
  spawn_ranks(1, [&](Communicator& communicator) {
    alone = make_legacy("base", options, {.seq_len = 8, .heads = 2, .is_causal = true}, 1)
                ->forward(communicator, {rows, rows, rows})
                .out;
  });
  World world(3);
  world.run([&](Communicator& communicator) {
    const auto attention = make_legacy("base", options, {.seq_len = 8, .heads = 2, .is_causal = true}, 3);
    CHECK(at::equal(attention->forward(communicator, {rows, rows, rows}).out, alone));
  });
  CHECK(world.traffic().records.empty());
}

TEST_CASE("the deprecation of a class is announced once, with versions and target") {
  std::ostringstream out;
  DeprecationNotices notices(out);
  notices.announce(find_legacy("v2"));
  notices.announce(find_legacy("RingDilatedAttentionV2"));
  CHECK(out.str() ==
        "warning: RingDilatedAttentionV2 (v2): deprecated since 0.3.0, in legacy/ since 0.4.0, removed in 0.5.0; use "
        "StandardRingAttention with pattern \"dilated_keys\"\n");
  notices.announce(find_legacy("base"));
  CHECK(out.str().find("DilatedAttention (base)") != std::string::npos);
}

}  // namespace ringattn::legacy
