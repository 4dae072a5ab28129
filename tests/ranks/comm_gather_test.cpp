#include "comm/world.h"

#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

Block block(std::vector<std::int64_t>& words) {
  return {reinterpret_cast<std::byte*>(words.data()), static_cast<std::int64_t>(words.size()), 8, 8};
}

TEST_CASE("all_gather gives every rank every block, of whatever size") {
  for (int k : {1, 2, 3, 4, 8}) {
    CAPTURE(k);
    World world(k);
    world.run([&](Communicator& c) {
      // Rank r owns r rows (rank 0 none), as with a short last shard.
      std::vector<std::int64_t> own(static_cast<std::size_t>(c.rank()), 100 + c.rank());
      std::vector<std::vector<std::int64_t>> all;
      std::vector<Block> targets;
      for (int rank = 0; rank < k; ++rank) all.emplace_back(static_cast<std::size_t>(rank), -1);
      for (auto& each : all) targets.push_back(block(each));
      c.all_gather(block(own), targets);
      for (int rank = 0; rank < k; ++rank) {
        CHECK(all[static_cast<std::size_t>(rank)] ==
              std::vector<std::int64_t>(static_cast<std::size_t>(rank), 100 + rank));
      }
    });
    const Traffic traffic = world.traffic();
    for (int rank = 0; rank < k; ++rank) {
      CHECK(traffic.sent_bytes(rank) == rank * 8 * (k - 1));
      CHECK(traffic.messages(rank) == k - 1);
    }
    for (const TrafficRecord& record : traffic.records) CHECK(record.hop == all_gather_hop);
  }
}

TEST_CASE("all_gather works in place: a rank's own target may be its own block") {
  constexpr int k = 3;
  spawn_ranks(k, [](Communicator& c) {
    std::vector<std::int64_t> all(k, -1);
    std::vector<Block> targets;
    for (std::size_t rank = 0; rank < k; ++rank) targets.push_back({reinterpret_cast<std::byte*>(&all[rank]), 1, 8, 8});
    all[static_cast<std::size_t>(c.rank())] = c.rank();
    c.all_gather(targets[static_cast<std::size_t>(c.rank())], targets);
    CHECK(all == std::vector<std::int64_t>{0, 1, 2});
  });
}

TEST_CASE("all_gather_value and barrier are collective, repeatable and not counted as traffic") {
  for (int k : {1, 2, 3, 4, 8}) {
    World world(k);
    world.run([&](Communicator& c) {
      for (int round = 0; round < 50; ++round) {
        const auto values = c.all_gather_value(c.rank() * 1000 + round);
        REQUIRE(static_cast<int>(values.size()) == k);
        for (int rank = 0; rank < k; ++rank) CHECK(values[static_cast<std::size_t>(rank)] == rank * 1000 + round);
        c.barrier();
      }
    });
    CHECK(world.traffic().records.empty());
  }
}

}  // namespace
}  // namespace ringattn
