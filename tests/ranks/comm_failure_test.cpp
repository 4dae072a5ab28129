#include "comm/world.h"
#include "config/error.h"

#include <doctest/doctest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace ringattn {
namespace {

using std::chrono::milliseconds;

std::string error_of(World& world, const std::function<void(Communicator&)>& body) {
  try {
    world.run(body);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

Exchange send(int peer, int hop, Block block) { return {.hop = hop, .sends = {{peer, {block}}}, .receives = {}}; }
Exchange receive(int peer, int hop, Block block) { return {.hop = hop, .sends = {}, .receives = {{peer, {block}}}}; }

TEST_CASE("a wait for a silent rank times out and names rank, peer and hop") {
  World world(4, {.timeout = milliseconds(20), .on_thread_start = {}, .on_copy = {}});
  std::byte data[8]{};
  const Block row{data, 1, 8, 8};
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 3) c.wait_received(c.post(receive(2, 5, row)));
        }) == "rank 3: receive from rank 2 at hop 5 timed out after 20 ms");
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 3) c.wait_sent(c.post(send(1, 2, row)));
        }) == "rank 3: send to rank 1 at hop 2 timed out after 20 ms");
  CHECK(error_of(world, [](Communicator& c) {
          if (c.rank() == 0) c.barrier();
        }) == "rank 0: barrier (without rank 1, 2, 3) timed out after 20 ms");
  CHECK(error_of(world, [](Communicator& c) {
          if (c.rank() == 1) c.all_gather_value(1);
        }) == "rank 1: all_gather_value (without rank 0, 2, 3) timed out after 20 ms");
  CHECK(error_of(world, [&](Communicator& c) {
          const Block all[4] = {row, row, row, row};
          if (c.rank() == 1) c.all_gather(row, all);
        }) == "rank 1: receive from rank 0 in all_gather timed out after 20 ms");
}

TEST_CASE("whole seconds are written as seconds") {
  World world(2, {.timeout = milliseconds(1000), .on_thread_start = {}, .on_copy = {}});
  CHECK(error_of(world, [](Communicator& c) {
          if (c.rank() == 1) c.barrier();
        }) == "rank 1: barrier (without rank 0) timed out after 1 s");
}

TEST_CASE("ends that disagree about bytes, row size or hop fail with both numbers") {
  World world(2);
  std::vector<std::byte> from(64), to(64);
  const auto attempt = [&](Block sent, int sent_hop, Block expected, int expected_hop) {
    return error_of(world, [&](Communicator& c) {
      const Ticket ticket = c.post(c.rank() == 0 ? send(1, sent_hop, sent) : receive(0, expected_hop, expected));
      c.wait_received(ticket);
      c.wait_sent(ticket);
    });
  };
  const std::string both = "; both must name the same hop and the same row sizes";
  CHECK(attempt({from.data(), 4, 8, 8}, 5, {to.data(), 3, 8, 8}, 5) ==
        "rank 1: receive from rank 0 at hop 5: rank 0 sends 32 bytes at hop 5, rank 1 expects 24 bytes at hop 5" +
            both);
  CHECK(attempt({from.data(), 4, 8, 8}, 5, {to.data(), 8, 4, 4}, 5) ==
        "rank 1: receive from rank 0 at hop 5: rank 0 sends 32 bytes at hop 5, rank 1 expects 32 bytes at hop 5" +
            both);
  CHECK(attempt({from.data(), 4, 8, 8}, 6, {to.data(), 4, 8, 8}, 5) ==
        "rank 1: receive from rank 0 at hop 5: rank 0 sends 32 bytes at hop 6, rank 1 expects 32 bytes at hop 5" +
            both);
  CHECK(attempt({from.data(), 4, 8, 8}, 5, {to.data(), 4, 16, 8}, 5) == "no error");
}

TEST_CASE("a failing rank ends the others' waits at once, long before the deadline") {
  World world(8, {.timeout = std::chrono::hours(1), .on_thread_start = {}, .on_copy = {}});
  std::byte data[8]{};
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 2) throw std::runtime_error("rank 2: broke");
          if (c.rank() % 2 == 0) c.barrier();
          c.wait_received(c.post(receive(2, 0, {data, 1, 8, 8})));
        }) == "rank 2: broke");
}

TEST_CASE("a message that nobody receives is an error of the run") {
  World world(2);
  std::byte data[8]{};
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 0) c.post(send(1, 3, {data, 1, 8, 8}));
        }) == "rank 0: send to rank 1 at hop 3 was never received");
  CHECK(error_of(world, [](Communicator& c) { c.barrier(); }) == "no error");
}

TEST_CASE("a dropped ticket takes its message back, so that nobody reads freed memory") {
  World world(2);
  CHECK(error_of(world, [](Communicator& c) {
          std::byte data[8]{};
          if (c.rank() == 0) c.post(send(1, 3, {data, 1, 8, 8}));
          c.barrier();
          if (c.rank() == 1) c.wait_received(c.post(receive(0, 3, {data, 1, 8, 8})));
        }) == "rank 1: receive from rank 0 at hop 3: rank 0 withdrew its message");
}

TEST_CASE("the error is that of the rank that failed, however long it takes to unwind") {
  struct Slow {
    ~Slow() { std::this_thread::sleep_for(milliseconds(100)); }
  };
  World world(2);
  CHECK(error_of(world, [](Communicator& c) {
          std::byte data[8]{};
          if (c.rank() == 0) {
            const Slow slow;  // goes after the ticket, which takes the message back
            const Ticket ticket = c.post(send(1, 3, {data, 1, 8, 8}));
            c.barrier();
            throw std::runtime_error("rank 0: broke");
          }
          c.barrier();
          std::this_thread::sleep_for(milliseconds(20));
          c.wait_received(c.post(receive(0, 3, {data, 1, 8, 8})));
        }) == "rank 0: broke");
}

TEST_CASE("a sender that unwinds waits for the copy that is under way") {
  std::promise<void> copying, unwinding;
  World world(2, {.on_thread_start = {}, .on_copy = [&](int, int, int, std::span<const std::byte> run) {
                    copying.set_value();
                    unwinding.get_future().wait();
                    CHECK(std::to_integer<int>(run[0]) == 42);
                  }});
  CHECK(error_of(world, [&](Communicator& c) {
          std::vector<std::byte> data(1 << 12, std::byte{42});
          const Block rows{data.data(), 1 << 9, 8, 8};
          const Ticket ticket = c.post(c.rank() == 0 ? send(1, 0, rows) : receive(0, 0, rows));
          if (c.rank() == 0) {
            copying.get_future().wait();
            unwinding.set_value();
            throw std::runtime_error("rank 0: gave up");
          }
          c.wait_received(ticket);
          c.barrier();
        }) == "rank 0: gave up");
}

TEST_CASE("a ticket is good for one run and one rank") {
  World world(2);
  Ticket kept;
  world.run([&](Communicator& c) {
    if (c.rank() == 0) kept = c.post({});
  });
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 0) c.wait_sent(kept);
        }) == "rank 0: the ticket belongs to another rank or to an earlier run");
  CHECK(error_of(world, [&](Communicator& c) {
          if (c.rank() == 1) c.wait_sent(kept);
        }) == "rank 1: the ticket belongs to another rank or to an earlier run");
}

TEST_CASE("an error of the observer reaches the caller and frees the sender") {
  World world(2, {.on_thread_start = {},
                  .on_copy = [](int, int, int, std::span<const std::byte>) { throw std::logic_error("seen enough"); }});
  std::byte from[8]{}, to[8]{};
  CHECK(error_of(world, [&](Communicator& c) {
          const Ticket ticket = c.post(c.rank() == 0 ? send(1, 0, {from, 1, 8, 8}) : receive(0, 0, {to, 1, 8, 8}));
          c.wait_received(ticket);
          c.wait_sent(ticket);
        }) == "seen enough");
}

}  // namespace
}  // namespace ringattn
