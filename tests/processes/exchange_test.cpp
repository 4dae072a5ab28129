#include "comm/world.h"
#include "config/error.h"
#include "tests/processes/crew.h"

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using testing::run_crew;

/// A value that no other rank, hop or place has.
std::int64_t token(int rank, int hop, std::int64_t place) { return rank * 1'000'000 + hop * 1'000 + place; }

Block block(std::vector<std::int64_t>& words) {
  return {reinterpret_cast<std::byte*>(words.data()), static_cast<std::int64_t>(words.size()), 8, 8};
}

/// doctest's macros are no good in several threads at once.
void require(bool holds, const std::string& what) {
  if (!holds) throw RuntimeFailure("rank: not so: " + what);
}

void pass_round(Communicator& c, std::size_t rows) {
  const int k = c.world_size();
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
    for (std::size_t i = 0; i < rows; ++i)
      require(current[i] == token(owner, 0, static_cast<std::int64_t>(i)), "each block reaches each rank");
  }
}

TEST_CASE("a ring of processes hands every block to every rank once, whatever carries it") {
  for (const bool reads_memory : {true, false}) {
    for (const int k : {2, 3, 4}) {
      CAPTURE(k);
      run_crew(k,
               [&](const std::shared_ptr<ProcessGroup>& group) {
                 require(group->carrier() == (reads_memory ? "cma" : "tcp"), "carried by " + group->carrier());
                 World world(group, k);
                 for (const std::size_t rows : {0U, 1U, 5U, 100'000U}) {
                   world.reset_traffic();
                   world.run([&](Communicator& c) { pass_round(c, rows); });
                   const Traffic traffic = world.traffic();
                   if (group->rank() != 0) continue;
                   for (int rank = 0; rank < k; ++rank) {
                     require(traffic.sent_bytes(rank) == static_cast<std::int64_t>(rows) * 8 * (k - 1), "sent bytes");
                     require(traffic.received_bytes(rank) == static_cast<std::int64_t>(rows) * 8 * (k - 1), "received");
                     require(traffic.messages(rank) == k - 1, "messages");
                   }
                 }
               },
               {.deadline = std::chrono::seconds(20), .reads_memory = reads_memory});
    }
  }
}

TEST_CASE("channels run apart, hops overlap, and rows that lie apart arrive in their places") {
  run_crew(2, [](const std::shared_ptr<ProcessGroup>& group) {
    World world(group, 2);
    world.run([](Communicator& c) {
      const int peer = 1 - c.rank();
      const auto post = [&](int hop, Channel channel, Block out, Block in) {
        return c.post({.hop = hop, .channel = channel, .sends = {{peer, {out}}}, .receives = {{peer, {in}}}});
      };
      constexpr std::int64_t rows = 50;
      std::vector<std::int64_t> apart(2 * rows), into(3 * rows, -1), keys{token(c.rank(), 1, 0)}, keys_in(1),
          gradients{token(c.rank(), 7, 0)}, gradients_in(1);
      for (std::int64_t i = 0; i < rows; ++i) apart[static_cast<std::size_t>(2 * i)] = token(c.rank(), 0, i);
      const Ticket first = post(0, Channel::keys, {block(apart).data, rows, 16, 8}, {block(into).data, rows, 24, 8});
      const Ticket second = post(1, Channel::keys, block(keys), block(keys_in));
      const Ticket other = post(7, Channel::gradients, block(gradients), block(gradients_in));
      for (const Ticket& ticket : {other, second, first}) {
        c.wait_received(ticket);
        c.wait_sent(ticket);
      }
      require(gradients_in[0] == token(peer, 7, 0) && keys_in[0] == token(peer, 1, 0), "channels apart");
      for (std::int64_t i = 0; i < 3 * rows; ++i)
        require(into[static_cast<std::size_t>(i)] == (i % 3 == 0 ? token(peer, 0, i / 3) : -1), "rows in place");
    });
  });
}

TEST_CASE("the first processes of a group are a world of their own, and rank 0 gets what each has") {
  run_crew(3, [](const std::shared_ptr<ProcessGroup>& group) {
    for (const int k : {3, 1, 2}) {
      World world(group, k);
      int ran = -1;
      world.run([&](Communicator& c) {
        ran = c.rank();
        pass_round(c, 4);
        std::vector<std::int64_t> own{token(c.rank(), 3, 0)}, all(static_cast<std::size_t>(k));
        std::vector<Block> targets;
        for (std::int64_t& word : all) targets.push_back({reinterpret_cast<std::byte*>(&word), 1, 8, 8});
        c.all_gather(block(own), targets);
        for (int rank = 0; rank < k; ++rank)
          require(all[static_cast<std::size_t>(rank)] == token(rank, 3, 0), "all_gather");
        const std::vector<std::int64_t> values = c.all_gather_value(10 * c.rank());
        require(values.size() == static_cast<std::size_t>(k) && values.back() == 10 * (k - 1), "values");
        c.barrier();
      });
      require(ran == (group->rank() < k ? group->rank() : -1), "one rank a process");
      const std::vector<std::byte> own(static_cast<std::size_t>(group->rank()), static_cast<std::byte>(group->rank()));
      const auto gathered = group->gather(k, own);
      require(gathered.size() == (group->rank() == 0 ? static_cast<std::size_t>(k) : 0U), "gathered at rank 0");
      for (std::size_t rank = 0; rank < gathered.size(); ++rank)
        require(gathered[rank] == std::vector<std::byte>(rank, static_cast<std::byte>(rank)), "gathered");
      require(group->any_of(group->rank() == 2) && !group->any_of(false), "one is enough");
      require(group->of_first(7 + group->rank()) == 7, "rank 0 decides");
    }
    bool is_refused = false;
    try {
      World world(group, 4);
    } catch (const UsageError& error) {
      is_refused = std::string(error.what()).find("4 asked for, but this run has 3 processes") != std::string::npos;
    }
    require(is_refused, "more ranks than processes are refused with the numbers");
  });
}

/// What each of the processes ends with when they run `body`.
std::vector<std::string> errors_of(int size, const std::function<void(Communicator&)>& body,
                                   std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  std::vector<std::string> errors(static_cast<std::size_t>(size));
  run_crew(size, [&](const std::shared_ptr<ProcessGroup>& group) {
    std::string& own = errors[static_cast<std::size_t>(group->rank())];
    WorldOptions options;
    options.timeout = timeout;
    World world(group, size, options);
    group->set_subject("case x");
    try {
      world.run(body);
    } catch (const std::exception& error) {
      own = error.what();
    }
    try {
      world.run([](Communicator&) {});
      own += " and went on";
    } catch (const RuntimeFailure&) {  // broken for good
    }
  });
  return errors;
}

TEST_CASE("a rank that fails stops all, with its own error") {
  const std::vector<std::string> errors = errors_of(3, [](Communicator& c) {
    if (c.rank() == 1) throw RuntimeFailure("rank 1: out of ideas");
    pass_round(c, 1000);
  });
  for (const std::string& error : errors) CHECK(error == "rank 1: out of ideas");
}

TEST_CASE("ends that disagree are told apart: hop, row sizes, and who is at which meeting") {
  std::vector<std::int64_t> words(8), more(8);
  const auto exchange = [&](Communicator& c, int hop, std::int64_t row_bytes) {
    std::vector<std::int64_t> out(8), in(8);
    const auto as = [&](std::vector<std::int64_t>& w) {
      return Block{reinterpret_cast<std::byte*>(w.data()), 64 / row_bytes, row_bytes, row_bytes};
    };
    const int peer = 1 - c.rank();
    const Ticket ticket = c.post({.hop = hop, .sends = {{peer, {as(out)}}}, .receives = {{peer, {as(in)}}}});
    c.wait_received(ticket);
    c.wait_sent(ticket);
  };
  std::vector<std::string> errors = errors_of(2, [&](Communicator& c) { exchange(c, 3 + c.rank(), 8); });
  CHECK(errors[0] == errors[1]);
  CHECK(errors[0].find("both must name the same hop") != std::string::npos);
  CHECK(errors[0].find("at hop 3") != std::string::npos);
  errors = errors_of(2, [&](Communicator& c) { exchange(c, 3, c.rank() == 0 ? 8 : 16); });
  CHECK(errors[0] == errors[1]);
  CHECK(errors[0].find("4 x 16 bytes") != std::string::npos);
  errors = errors_of(2, [&](Communicator& c) {
    if (c.rank() == 0)
      c.barrier();
    else
      c.all_gather_value(1);
  });
  CHECK(errors[0] == errors[1]);
  CHECK(errors[0].find("barrier") != std::string::npos);
}

TEST_CASE("a rank that lives but does not send is named as slow by all, who waits for whom notwithstanding") {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<std::string> errors = errors_of(
      4,
      [](Communicator& c) {
        if (c.rank() == 2) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        pass_round(c, 10);
      },
      std::chrono::milliseconds(1000));
  for (const std::string& error : errors) {
    CHECK(error == errors[0]);
    CHECK(error.starts_with("rank 2 slow at hop 0 of case x: "));
    CHECK(error.ends_with("within 1 s; seen by rank 1") != error.ends_with("within 1 s; seen by rank 3"));
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a message that is withdrawn ends the run: nothing can be called back") {
  const std::vector<std::string> errors = errors_of(2, [](Communicator& c) {
    std::vector<std::int64_t> words(1 << 20);
    if (c.rank() == 0) {
      (void)c.post({.hop = 4, .sends = {{1, {block(words)}}}, .receives = {}});
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Ticket ticket = c.post({.hop = 4, .sends = {}, .receives = {{0, {block(words)}}}});
    c.wait_received(ticket);
  });
  for (const std::string& error : errors) CHECK(error == "rank 0: withdrew a message of hop 4");
}

}  // namespace
}  // namespace ringattn
