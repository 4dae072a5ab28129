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
  const auto intended = make_legacy("v2", options, 10, 2, true, 4);
  CHECK((intended->query_positions(1, 4) == Positions{{0, 10, 1}}));
  CHECK((intended->key_positions(1, 4) == contiguous_positions(10, 1, 4)));
  CHECK(intended->function().is_causal);
  CHECK((intended->function().pairs == std::vector<Pair>{{4, 2}}));
  options.as_shipped = true;
  CHECK((make_legacy("v2", options, 10, 2, true, 4)->key_positions(1, 4) == Positions{{0, 10, 1}}));
}

TEST_CASE("ring_size belongs to the released classes and to their world") {
  CHECK_THROWS_WITH_AS(make_legacy("v2", {{4}, {1}, false, 2}, 8, 2, false, 1),
                       "ring_size: 2 is an argument of the released classes; it wants as_shipped", UsageError);
  CHECK_THROWS_WITH_AS(make_legacy("v2", {{4}, {1}, true, 0}, 8, 2, false, 1), "ring_size: 0 must be at least 1",
                       UsageError);
  CHECK_THROWS_WITH_AS(make_legacy("v2", {{4}, {1}, true, 5}, 8, 2, false, 4),
                       "ring_size: 5 is larger than the world size 4", UsageError);
}

TEST_CASE("what a released class raised comes out as data, from any number of ranks") {
  const auto attention = make_legacy("v2", {{4}, {1}, true, {}}, 8, 2, false, 3);
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

TEST_CASE("base as shipped gives every rank the one-process result, and sends nothing") {
  const at::Tensor rows = at::arange(1 * 8 * 2 * 4, at::kDouble).mul(0.7).sin().view({1, 8, 2, 4});
  const LegacyOptions options{{4, 8}, {1, 2}, true, {}};
  at::Tensor alone;
  spawn_ranks(1, [&](Communicator& communicator) {
    alone = make_legacy("base", options, 8, 2, true, 1)->forward(communicator, {rows, rows, rows}).out;
  });
  World world(3);
  world.run([&](Communicator& communicator) {
    const auto attention = make_legacy("base", options, 8, 2, true, 3);
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
