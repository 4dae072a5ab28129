#include "comm/observed_communicator.h"
#include "comm/sub_communicator.h"
#include "comm/world.h"
#include "config/error.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

// Messages that fail, peers that are silent, and worlds within worlds.

namespace ringattn {
namespace {

using std::chrono::milliseconds;

/// Each rank sends its number to the next one; returns what each got, or the run's error.
struct Shift {
  std::vector<std::uint64_t> got;
  std::vector<RingCommunicationStats> statistics;
  std::string error = "no error";
  std::int64_t ms = 0;
};
Shift shift(int ranks, WorldOptions options, const RecoveryPolicy& policy) {
  World world(ranks, std::move(options));
  Shift shift{.got = std::vector<std::uint64_t>(static_cast<std::size_t>(ranks)),
              .statistics = std::vector<RingCommunicationStats>(static_cast<std::size_t>(ranks))};
  const auto begin = std::chrono::steady_clock::now();
  try {
    world.run([&](Communicator& communicator) {
      const auto rank = static_cast<std::size_t>(communicator.rank());
      ObservedCommunicator c(communicator, shift.statistics[rank], nullptr);
      c.set_recovery(policy);
      std::uint64_t own = 100 + rank;
      const auto block = [](std::uint64_t& number) { return Block{reinterpret_cast<std::byte*>(&number), 1, 8, 8}; };
      const Ticket ticket = c.post({.hop = 1,
                                    .sends = {{(c.rank() + 1) % ranks, {block(own)}}},
                                    .receives = {{(c.rank() + ranks - 1) % ranks, {block(shift.got[rank])}}}});
      c.wait_received(ticket);
      c.wait_sent(ticket);
    });
  } catch (const std::exception& error) {
    shift.error = error.what();
  }
  shift.ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin).count();
  return shift;
}

/// The first `failures` attempts at each message to `to` fail.
WorldOptions failing(int to, std::int64_t failures) {
  WorldOptions options;
  options.inject_fault = [=](const CopyAttempt& a) { return a.to == to && a.attempt <= failures; };
  return options;
}

TEST_CASE("a message that fails is tried again until it arrives, and both ends count it") {
  const Shift run = shift(3, failing(2, 2), {.attempts = 3});
  CHECK(run.error == "no error");
  CHECK(run.got == std::vector<std::uint64_t>{102, 100, 101});
  CHECK(run.statistics[2].failed_recvs == 2);
  CHECK(run.statistics[2].retry_attempts == 2);
  CHECK(run.statistics[2].retry_successes == 1);
  CHECK(run.statistics[1].failed_sends == 2);
  CHECK(run.statistics[0].failed_sends + run.statistics[0].failed_recvs == 0);
  CHECK(run.statistics[2].failure_rate() == doctest::Approx(0.5));  // two of four attempts
  CHECK(run.statistics[2].retry_success_rate() == doctest::Approx(0.5));
}

TEST_CASE("when the attempts are spent every rank stops, and nobody goes on with half a message") {
  CHECK(shift(3, failing(2, 3), {.attempts = 3}).error ==
        "rank 2: receive from rank 1 at hop 1 failed: an injected fault; attempts: 3 of 3");
  CHECK(shift(3, failing(0, 1), {}).error ==
        "rank 0: receive from rank 2 at hop 1 failed: an injected fault; attempts: 1 of 1");
}

TEST_CASE("a failed attempt leaves nothing that could be taken for data") {
  std::atomic<std::int64_t> spoilt{0};
  World world(2, failing(1, 1));
  std::uint64_t number = 7;
  CHECK_THROWS_AS(world.run([&](Communicator& c) {
    const Block block{reinterpret_cast<std::byte*>(&number), 1, 8, 8};
    std::uint64_t got = 1;
    const Block target{reinterpret_cast<std::byte*>(&got), 1, 8, 8};
    const Ticket ticket = c.rank() == 0 ? c.post({.hop = 0, .sends = {{1, {block}}}, .receives = {}})
                                        : c.post({.hop = 0, .sends = {}, .receives = {{0, {target}}}});
    try {
      c.wait_received(ticket);
      c.wait_sent(ticket);
    } catch (const RuntimeFailure&) {
      if (c.rank() == 1 && got == ~std::uint64_t{0}) ++spoilt;
      throw;
    }
  }),
                  RuntimeFailure);
  CHECK(spoilt == 1);
}

TEST_CASE("the delay before an attempt doubles") {
  // 40 + 80 + 160 ms before the second, third and fourth attempt; linear delays would be 240, a constant one 120.
  const Shift run = shift(2, failing(1, 3), {.attempts = 4, .retry_delay = milliseconds(40)});
  CHECK(run.error == "no error");
  CHECK(run.ms >= 280);
}

TEST_CASE("a peer's failure ends the pause before an attempt") {
  World world(2, failing(1, 9));
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH_AS(world.run([&](Communicator& c) {
    c.set_recovery({.attempts = 5, .retry_delay = std::chrono::seconds(60)});
    std::uint64_t number = 7;
    const Block block{reinterpret_cast<std::byte*>(&number), 1, 8, 8};
    if (c.rank() == 1) c.wait_received(c.post({.hop = 0, .sends = {}, .receives = {{0, {block}}}}));
    const Ticket ticket = c.post({.hop = 0, .sends = {{1, {block}}}, .receives = {}});
    throw RuntimeFailure("rank 0: broke");
  }),
                       "rank 0: broke", RuntimeFailure);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a watchdog's deadline takes the place of the world's, and says so") {
  const auto silent = [](std::optional<milliseconds> watchdog) {
    World world(2, {.timeout = milliseconds(400), .on_thread_start = {}, .on_copy = {}});
    std::string said;
    try {
      world.run([&](Communicator& c) {
        c.set_recovery({.watchdog = watchdog});
        std::byte data[8]{};
        if (c.rank() == 1) c.wait_received(c.post({.hop = 4, .sends = {}, .receives = {{0, {{data, 1, 8, 8}}}}}));
      });
    } catch (const RuntimeFailure& error) {
      said = error.what();
    }
    return said;
  };
  CHECK(silent({}) == "rank 1: receive from rank 0 at hop 4 timed out after 400 ms");
  CHECK(silent(milliseconds(30)) == "rank 1: receive from rank 0 at hop 4 timed out after 30 ms (watchdog)");
}

TEST_CASE("statistics count messages and bytes once they have gone, and time in flight") {
  const Shift run = shift(3, {}, {});
  for (const RingCommunicationStats& s : run.statistics) {
    CHECK(s.total_sends == 1);
    CHECK(s.total_recvs == 1);
    CHECK(s.total_bytes_sent == 8);
    CHECK(s.total_bytes_received == 8);
    CHECK(s.total_hops == 1);
    CHECK(s.total_comm_time_ns == s.max_comm_time_ns);
    CHECK(s.min_comm_time_ns == s.max_comm_time_ns);
    CHECK(s.failure_rate() == 0.0);
    CHECK(statistics_from_json_text(to_json_text(s), "test") == s);
  }
}

TEST_CASE("groups of a world are worlds of their own") {
  for (const bool is_strided : {false, true}) {
    World world(6);
    std::mutex gather;
    std::map<int, std::uint64_t> got;
    world.run([&](Communicator& communicator) {
      SubCommunicator c(communicator, group_of(communicator.rank(), 6, 3, is_strided));
      CHECK(c.world_size() == 3);
      CHECK(c.members()[static_cast<std::size_t>(c.rank())] == communicator.rank());
      auto own = static_cast<std::uint64_t>(communicator.rank()), from = std::uint64_t{99};
      const auto block = [](std::uint64_t& number) { return Block{reinterpret_cast<std::byte*>(&number), 1, 8, 8}; };
      const Ticket ticket = c.post(
          {.hop = 0, .sends = {{(c.rank() + 1) % 3, {block(own)}}}, .receives = {{(c.rank() + 2) % 3, {block(from)}}}});
      c.wait_received(ticket);
      c.wait_sent(ticket);
      const std::vector<std::int64_t> all = c.all_gather_value(communicator.rank());
      for (int i = 0; i < 3; ++i) CHECK(all[static_cast<std::size_t>(i)] == c.members()[static_cast<std::size_t>(i)]);
      std::vector<std::uint64_t> gathered(3);
      std::vector<Block> blocks;
      for (std::uint64_t& number : gathered) blocks.push_back(block(number));
      c.all_gather(block(own), blocks);
      for (int i = 0; i < 3; ++i)
        CHECK(gathered[static_cast<std::size_t>(i)] ==
              static_cast<std::uint64_t>(c.members()[static_cast<std::size_t>(i)]));
      const std::scoped_lock lock(gather);
      got[communicator.rank()] = from;
    });
    if (is_strided)
      CHECK(got == std::map<int, std::uint64_t>{{0, 4}, {1, 5}, {2, 0}, {3, 1}, {4, 2}, {5, 3}});
    else
      CHECK(got == std::map<int, std::uint64_t>{{0, 2}, {1, 0}, {2, 1}, {3, 5}, {4, 3}, {5, 4}});
  }
}

TEST_CASE("a group that the rank isn't in, or with a rank twice, is refused") {
  World world(3);
  world.run([](Communicator& c) {
    CHECK_THROWS_WITH_AS(SubCommunicator(c, {0, 0}), "members: 0 must be a rank of 0 … 2, named once", UsageError);
    CHECK_THROWS_AS(SubCommunicator(c, {3}), UsageError);
    if (c.rank() == 2)
      CHECK_THROWS_WITH_AS(SubCommunicator(c, {0, 1}), "members: rank 2 must be among the members of its group",
                           UsageError);
  });
}

}  // namespace
}  // namespace ringattn
