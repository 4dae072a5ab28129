#include "comm/communicator.h"

#include "comm/world.h"
#include "config/error.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace ringattn {
namespace {

/// The message of the error that rank 1 of two gets; rank 0 does nothing.
std::string error_on_rank_1(const std::function<void(Communicator&)>& body) {
  try {
    spawn_ranks(2, [&](Communicator& c) {
      if (c.rank() == 1) body(c);
    });
  } catch (const RuntimeFailure& error) {
    return error.what();
  }
  return "no error";
}

Exchange send(Message message, int hop = 0) { return {.hop = hop, .sends = {std::move(message)}, .receives = {}}; }

TEST_CASE("arguments of post are refused with the rank first") {
  std::byte data[16];
  const auto error = [&](Exchange exchange) { return error_on_rank_1([&](Communicator& c) { c.post(exchange); }); };
  CHECK(error(send({2, {}})) == "rank 1: send to rank 2: the peer must be another rank of 0 … 1");
  CHECK(error(send({-1, {}})) == "rank 1: send to rank -1: the peer must be another rank of 0 … 1");
  CHECK(error(send({1, {}})) == "rank 1: send to rank 1: the peer must be another rank of 0 … 1");
  CHECK(error(Exchange{.hop = 0, .sends = {}, .receives = {{7, {}}}}) ==
        "rank 1: receive from rank 7: the peer must be another rank of 0 … 1");
  CHECK(error(send({0, {}}, -1)) == "rank 1: hop -1 must not be negative");
  CHECK(error(send({0, {{data, -1, 4, 4}}})) == "rank 1: send to: -1 rows of 4 bytes: sizes must not be negative");
  CHECK(error(send({0, {{data, 1, 4, -4}}})) == "rank 1: send to: 1 rows of -4 bytes: sizes must not be negative");
  CHECK(error(send({0, {{nullptr, 2, 4, 4}}})) == "rank 1: send to: data is null, but the block has 2 rows");
  CHECK(error(send({0, {{data, 2, 3, 4}}})) == "rank 1: send to: rows are 3 bytes apart, but a row has 4 bytes");
}

TEST_CASE("a wait without a ticket is refused") {
  CHECK(error_on_rank_1([](Communicator& c) { c.wait_received(nullptr); }) ==
        "rank 1: wait_received needs a posted exchange, got none");
  CHECK(error_on_rank_1([](Communicator& c) { c.wait_sent(nullptr); }) ==
        "rank 1: wait_sent needs a posted exchange, got none");
}

TEST_CASE("all_gather needs one target per rank, and its own as large as what it sends") {
  std::byte data[16];
  const Block four{data, 1, 4, 4};
  const Block eight{data, 2, 4, 4};
  CHECK(error_on_rank_1([&](Communicator& c) {
          c.all_gather(four, {&four, 1});
        }) == "rank 1: all_gather got 1 target blocks, needs one per rank: 2");
  CHECK(error_on_rank_1([&](Communicator& c) {
          const Block targets[2] = {eight, eight};
          c.all_gather(four, targets);
        }) == "rank 1: all_gather: own block has 4 bytes, its target 8");
}

TEST_CASE("traffic adds up per rank what its links carried") {
  const Traffic traffic{{{0, 1, 0, 100, 1}, {0, 1, 1, 50, 2}, {1, 0, 0, 7, 1}, {2, 1, -1, 3, 4}}};
  CHECK(traffic.sent_bytes(0) == 150);
  CHECK(traffic.received_bytes(1) == 153);
  CHECK(traffic.messages(0) == 3);
  CHECK(traffic.messages(2) == 4);
  CHECK(traffic.sent_bytes(3) == 0);
}

}  // namespace
}  // namespace ringattn
