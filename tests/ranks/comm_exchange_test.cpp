#include "comm/world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <vector>

namespace ringattn {
namespace {

constexpr int grid[] = {1, 2, 3, 4, 8};

/// A value that no other rank, hop or place has, so that right bytes from the wrong peer can't pass.
std::int64_t token(int rank, int hop, std::int64_t place) { return rank * 1'000'000 + hop * 1'000 + place; }

Block block(std::vector<std::int64_t>& words) {
  return {reinterpret_cast<std::byte*>(words.data()), static_cast<std::int64_t>(words.size()), 8, 8};
}

TEST_CASE("a ring hands every block to every rank once") {
  for (int k : grid) {
    for (std::size_t rows : {0U, 1U, 5U, 64U}) {
      CAPTURE(k);
      CAPTURE(rows);
      World world(k);
      world.run([&](Communicator& c) {
        std::vector<std::int64_t> current(rows), next(rows);
        for (std::size_t i = 0; i < rows; ++i) current[i] = token(c.rank(), 0, static_cast<std::int64_t>(i));
        for (int hop = 0; hop + 1 < k; ++hop) {
          const Ticket ticket = c.post({.hop = hop,
                                        .sends = {{(c.rank() + 1) % k, {block(current)}}},
                                        .receives = {{(c.rank() + k - 1) % k, {block(next)}}}});
          c.wait_received(ticket);
          c.wait_sent(ticket);
          std::swap(current, next);
          const int owner = (c.rank() - hop - 1 + k) % k;
          for (std::size_t i = 0; i < rows; ++i) CHECK(current[i] == token(owner, 0, static_cast<std::int64_t>(i)));
        }
      });
      const Traffic traffic = world.traffic();
      for (int rank = 0; rank < k; ++rank) {
        CHECK(traffic.sent_bytes(rank) == static_cast<std::int64_t>(rows) * 8 * (k - 1));
        CHECK(traffic.received_bytes(rank) == static_cast<std::int64_t>(rows) * 8 * (k - 1));
        CHECK(traffic.messages(rank) == k - 1);
      }
    }
  }
}

TEST_CASE("two hops in flight with their own buffers don't mix, in whatever order they are awaited") {
  for (bool second_first : {false, true}) {
    spawn_ranks(3, [&](Communicator& c) {
      std::vector<std::int64_t> out0{token(c.rank(), 0, 0)}, out1{token(c.rank(), 1, 0)}, in0(1), in1(1);
      const int to = (c.rank() + 1) % 3, from = (c.rank() + 2) % 3;
      const Ticket first = c.post({.hop = 0, .sends = {{to, {block(out0)}}}, .receives = {{from, {block(in0)}}}});
      const Ticket second = c.post({.hop = 1, .sends = {{to, {block(out1)}}}, .receives = {{from, {block(in1)}}}});
      c.wait_received(second_first ? second : first);
      c.wait_received(second_first ? first : second);
      c.wait_sent(second);
      c.wait_sent(first);
      CHECK(in0[0] == token(from, 0, 0));
      CHECK(in1[0] == token(from, 1, 0));
    });
  }
}

TEST_CASE("ranks that all wait to have sent, or stand in a barrier, before they receive still make progress") {
  for (int k : {2, 4, 8}) {
    spawn_ranks(k, [&](Communicator& c) {
      std::vector<std::int64_t> out{token(c.rank(), 0, 0)}, in(1);
      const Ticket ticket = c.post({.hop = 0,
                                    .sends = {{(c.rank() + 1) % k, {block(out)}}},
                                    .receives = {{(c.rank() + k - 1) % k, {block(in)}}}});
      if (c.rank() == 0) c.barrier();
      c.wait_sent(ticket);
      if (c.rank() != 0) c.barrier();
      c.wait_received(ticket);
      CHECK(in[0] == token((c.rank() + k - 1) % k, 0, 0));
    });
  }
}

TEST_CASE("several messages to one peer in one exchange arrive in order and count one by one") {
  World world(2);
  world.run([](Communicator& c) {
    std::vector<std::int64_t> data{c.rank() * 10 + 1, c.rank() * 10 + 2}, in(2);
    const auto at = [](std::vector<std::int64_t>& v, std::size_t i) {
      return Block{reinterpret_cast<std::byte*>(&v[i]), 1, 8, 8};
    };
    const int peer = 1 - c.rank();
    const Ticket ticket = c.post({.hop = 4,
                                  .sends = {{peer, {at(data, 0)}}, {peer, {at(data, 1)}}},
                                  .receives = {{peer, {at(in, 0)}}, {peer, {at(in, 1)}}}});
    c.wait_received(ticket);
    c.wait_sent(ticket);
    CHECK(in == std::vector<std::int64_t>{peer * 10 + 1, peer * 10 + 2});
  });
  const Traffic traffic = world.traffic();
  REQUIRE(traffic.records.size() == 2);
  CHECK(traffic.records[0].hop == 4);
  CHECK(traffic.records[0].messages == 2);
  CHECK(traffic.records[0].bytes == 16);
  world.reset_traffic();
  CHECK(world.traffic().records.empty());
}

TEST_CASE("random exchanges between all ranks deliver every row, and the observer sees the bytes that traffic counts") {
  constexpr int k = 5;
  std::vector<std::int64_t> observed(k * k);
  World world(k, {.on_thread_start = {}, .on_copy = [&](int from, int to, int, std::span<const std::byte> run) {
                    observed[static_cast<std::size_t>(from * k + to)] += static_cast<std::int64_t>(run.size());
                  }});
  // rows[hop][from][to], the same on every rank: strided at the sender, dense at the receiver.
  std::mt19937 random(20240607);
  std::vector<std::vector<std::int64_t>> rows(6, std::vector<std::int64_t>(k * k));
  for (auto& hop : rows) {
    for (auto& count : hop) count = random() % 3 == 0 ? 0 : static_cast<std::int64_t>(random() % 40);
  }
  world.run([&](Communicator& c) {
    for (int hop = 0; hop < static_cast<int>(rows.size()); ++hop) {
      const auto size = [&](int from, int to) {
        return rows[static_cast<std::size_t>(hop)][static_cast<std::size_t>(from * k + to)];
      };
      std::vector<std::vector<std::int64_t>> out(k), in(k);
      Exchange exchange{.hop = hop, .sends = {}, .receives = {}};
      for (int peer = 0; peer < k; ++peer) {
        if (peer == c.rank()) continue;
        auto& mine = out[static_cast<std::size_t>(peer)];
        mine.assign(static_cast<std::size_t>(size(c.rank(), peer) * 3), -1);
        for (std::int64_t i = 0; i < size(c.rank(), peer); ++i)
          mine[static_cast<std::size_t>(i * 3)] = token(c.rank(), hop, i);
        in[static_cast<std::size_t>(peer)].assign(static_cast<std::size_t>(size(peer, c.rank())), -1);
        if (!mine.empty())
          exchange.sends.push_back({peer, {{reinterpret_cast<std::byte*>(mine.data()), size(c.rank(), peer), 24, 8}}});
        if (size(peer, c.rank()) > 0) exchange.receives.push_back({peer, {block(in[static_cast<std::size_t>(peer)])}});
      }
      const Ticket ticket = c.post(std::move(exchange));
      c.wait_received(ticket);
      c.wait_sent(ticket);
      for (int peer = 0; peer < k; ++peer) {
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(in[static_cast<std::size_t>(peer)].size()); ++i) {
          CHECK(in[static_cast<std::size_t>(peer)][static_cast<std::size_t>(i)] == token(peer, hop, i));
        }
      }
    }
  });
  for (const TrafficRecord& record : world.traffic().records) {
    observed[static_cast<std::size_t>(record.from * k + record.to)] -= record.bytes;
    CHECK(record.bytes ==
          8 * rows[static_cast<std::size_t>(record.hop)][static_cast<std::size_t>(record.from * k + record.to)]);
  }
  CHECK(std::all_of(observed.begin(), observed.end(), [](std::int64_t rest) { return rest == 0; }));
}

}  // namespace
TEST_CASE("a channel may run ahead of the other: its messages are matched apart") {
  spawn_ranks(2, [](Communicator& c) {
    const int peer = 1 - c.rank();
    std::vector<std::int64_t> keys{token(c.rank(), 1, 0)}, sums{token(c.rank(), 2, 0)}, keys_in(1), sums_in(1);
    const auto exchange = [&](Channel channel, int hop, std::vector<std::int64_t>& out, std::vector<std::int64_t>& in) {
      return Exchange{
          .hop = hop, .channel = channel, .sends = {{peer, {block(out)}}}, .receives = {{peer, {block(in)}}}};
    };
    // The ranks post in opposite orders.
    Ticket first, second;
    const auto post_keys = [&] { first = c.post(exchange(Channel::keys, 1, keys, keys_in)); };
    if (c.rank() == 0) post_keys();
    second = c.post(exchange(Channel::gradients, 2, sums, sums_in));
    if (c.rank() == 1) post_keys();
    for (const Ticket& ticket : {first, second}) {
      c.wait_received(ticket);
      c.wait_sent(ticket);
    }
    CHECK(keys_in[0] == token(peer, 1, 0));
    CHECK(sums_in[0] == token(peer, 2, 0));
  });
}

}  // namespace ringattn
