// One rank of a ring that only passes blocks, for tests that end ranks: rank_program ROUNDS HOP_MS DEADLINE_MS, its
// place in the launcher's variables. Says "ready" when its first round is over; what goes wrong is on stderr, with exit
// code 4.

#include "comm/process_group.h"
#include "comm/process_join.h"
#include "comm/world.h"
#include "config/env.h"
#include "config/error.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ringattn {
namespace {

using std::chrono::milliseconds;

void check_words(const std::vector<std::int64_t>& words, std::int64_t wanted) {
  for (const std::int64_t word : words) {
    if (word != wanted) throw RuntimeFailure("wrong data: " + std::to_string(word));
  }
}

/// Every block to every rank once; each rank checks what it gets and then pretends to compute.
void pass_round(Communicator& c, std::int64_t round, milliseconds pause) {
  const int k = c.world_size();
  std::vector<std::int64_t> current(40'000, round * k + c.rank()), next(current.size());
  const auto block = [](std::vector<std::int64_t>& words) {
    return Block{reinterpret_cast<std::byte*>(words.data()), static_cast<std::int64_t>(words.size()), 8, 8};
  };
  for (int hop = 0; hop + 1 < k; ++hop) {
    const Ticket ticket = c.post({.hop = hop,
                                  .sends = {{(c.rank() + 1) % k, {block(current)}}},
                                  .receives = {{(c.rank() + k - 1) % k, {block(next)}}}});
    std::this_thread::sleep_for(pause);
    c.wait_received(ticket);
    c.wait_sent(ticket);
    check_words(next, round * k + (c.rank() - hop - 1 + 2 * k) % k);
    std::swap(current, next);
  }
}

int run(std::int64_t rounds, milliseconds pause, milliseconds deadline) {
  const auto place = process_place(Env::read().launcher);
  if (!place) throw UsageError("no launcher's variables");
  const auto group = std::make_shared<ProcessGroup>(join_processes(*place, {.deadline = deadline}), deadline);
  group->set_subject("case trial");
  WorldOptions options;
  options.timeout = deadline;
  World world(group, group->size(), options);
  for (std::int64_t round = 0; round < rounds; ++round) {
    world.run([&](Communicator& c) { pass_round(c, round, pause); });
    if (round > 0) continue;
    std::puts("ready");
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace ringattn

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  using std::chrono::milliseconds;
  try {
    return ringattn::run(std::atol(argv[1]), milliseconds(std::atol(argv[2])), milliseconds(std::atol(argv[3])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 4;
  }
}
