#include "comm/world.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ringattn {
namespace {

TEST_CASE("every rank runs once, on a thread of its own that lives as long as the world") {
  World world(4);
  CHECK(world.size() == 4);
  std::vector<std::thread::id> first(4), second(4);
  world.run([&](Communicator& c) {
    CHECK(c.world_size() == 4);
    first[static_cast<std::size_t>(c.rank())] = std::this_thread::get_id();
  });
  world.run([&](Communicator& c) { second[static_cast<std::size_t>(c.rank())] = std::this_thread::get_id(); });
  CHECK(first == second);
  CHECK(std::set<std::thread::id>(first.begin(), first.end()).size() == 4);
}

TEST_CASE("on_thread_start runs once on each rank thread, and its error comes out of the constructor") {
  std::atomic<int> calls = 0;
  World world(3, {.on_thread_start = [&](int) { ++calls; }, .on_copy = {}});
  CHECK(calls == 3);
  world.run([](Communicator&) {});
  CHECK(calls == 3);
  const auto refuse = [](int rank) {
    if (rank == 1) throw Unavailable("no such device");
  };
  CHECK_THROWS_WITH_AS(World(3, {.on_thread_start = refuse, .on_copy = {}}), "no such device", Unavailable);
}

TEST_CASE("a world needs a rank and a deadline") {
  CHECK_THROWS_WITH_AS(World(0), "ranks: 0, must be at least 1", UsageError);
  CHECK_THROWS_WITH_AS(World(1, {.timeout = std::chrono::milliseconds(0), .on_thread_start = {}, .on_copy = {}}),
                       "timeout: 0 ms, must be positive", UsageError);
}

TEST_CASE("with one rank everything is a no-op") {
  World world(1);
  world.run([](Communicator& c) {
    std::byte data[4]{};
    const Block own{data, 1, 4, 4};
    c.all_gather(own, {&own, 1});
    c.barrier();
    CHECK(c.all_gather_value(7) == std::vector<std::int64_t>{7});
    const Ticket ticket = c.post({});
    c.wait_received(ticket);
    c.wait_sent(ticket);
  });
  CHECK(world.traffic().records.empty());
}

TEST_CASE("the original error is rethrown with its type, not the other ranks' abort") {
  World world(4);
  const auto body = [](Communicator& c) {
    if (c.rank() == 2) throw std::out_of_range("rank 2: row 9 of 8");
    c.barrier();
  };
  CHECK_THROWS_WITH_AS(world.run(body), "rank 2: row 9 of 8", std::out_of_range);
}

TEST_CASE("abort ends every rank's wait with its reason") {
  World world(3);
  std::vector<std::string> seen(3);
  const auto body = [&](Communicator& c) {
    if (c.rank() == 1) c.abort("out of memory");
    try {
      c.barrier();
    } catch (const RuntimeFailure& error) {
      seen[static_cast<std::size_t>(c.rank())] = error.what();
      throw;
    }
  };
  CHECK_THROWS_WITH_AS(world.run(body), "rank 1: aborted by rank 1: out of memory", RuntimeFailure);
  CHECK(seen[0] == "rank 0: aborted by rank 1: out of memory");
  CHECK(seen[2] == "rank 2: aborted by rank 1: out of memory");
  CHECK_THROWS_WITH_AS(world.run([](Communicator& c) {
    if (c.rank() == 1) c.abort("changed my mind");
  }),
                       "rank 1: aborted: changed my mind", RuntimeFailure);
}

TEST_CASE("an error that wraps the abort of another rank doesn't hide the original") {
  World world(2);
  const auto body = [](Communicator& c) {
    if (c.rank() == 0) throw std::logic_error("the cause");
    try {
      c.barrier();
    } catch (const RuntimeFailure&) {
      throw std::runtime_error("the symptom");
    }
  };
  CHECK_THROWS_WITH_AS(world.run(body), "the cause", std::logic_error);
}

TEST_CASE("a world works again after an error") {
  World world(3);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CHECK_THROWS_AS(world.run([](Communicator& c) {
      std::byte data[8]{};
      const Ticket ticket = c.post({.hop = 0, .sends = {{(c.rank() + 1) % 3, {{data, 1, 8, 8}}}}, .receives = {}});
      if (c.rank() == 0) throw std::runtime_error("no");
      c.barrier();
    }),
                    std::runtime_error);
    std::vector<std::int64_t> sums(3);
    world.run([&](Communicator& c) {
      for (std::int64_t v : c.all_gather_value(c.rank() + 1)) sums[static_cast<std::size_t>(c.rank())] += v;
    });
    CHECK(sums == std::vector<std::int64_t>{6, 6, 6});
  }
}

}  // namespace
}  // namespace ringattn

namespace ringattn {

TEST_CASE("with run slots no more ranks compute at a time than there are slots, and all get their turn") {
  std::atomic<int> running{0}, most{0}, turns{0};
  WorldOptions options;
  options.run_slots = 2;
  World world(6, std::move(options));
  const auto work = [&] {
    const int now = ++running;
    int seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --running;
    ++turns;
  };
  world.run([&](Communicator& communicator) {
    for (int round = 0; round < 3; ++round) {
      work();
      communicator.barrier();
    }
  });
  CHECK(turns == 18);
  CHECK(most <= 2);
}

TEST_CASE("a failing rank gives its slot back") {
  WorldOptions options;
  options.run_slots = 1;
  World world(3, std::move(options));
  for (int run = 0; run < 2; ++run) {
    CHECK_THROWS_AS(world.run([](Communicator& communicator) {
      if (communicator.rank() == 1) throw std::runtime_error("broken");
      communicator.barrier();
    }),
                    std::runtime_error);
  }
  std::atomic<int> ran{0};
  world.run([&](Communicator&) { ++ran; });
  CHECK(ran == 3);
}

}  // namespace ringattn
