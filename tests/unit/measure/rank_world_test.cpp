#include "measure/rank_world.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <dlfcn.h>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace ringattn {
namespace {

using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);

/// The OpenMP runtime that LibTorch's kernels fan out with; null where it is another one than GNU's.
GompParallel gomp_parallel() { return reinterpret_cast<GompParallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel")); }

/// How many threads really work when a kernel fans out on this thread.
std::size_t team_size() {
  struct Team {
    std::mutex mutex;
    std::set<std::thread::id> members;
  } team;
  const auto enlist = [](void* data) {
    auto& its = *static_cast<Team*>(data);
    const std::lock_guard<std::mutex> lock(its.mutex);
    its.members.insert(std::this_thread::get_id());
  };
  gomp_parallel()(enlist, &team, 0, 0);
  return team.members.size();
}

/// Checks on every rank that LibTorch says, and OpenMP uses, this many threads.
void check_threads(RankWorld& ranks, int expected) {
  CHECK(ranks.threads_per_rank() == expected);
  std::vector<int> said(static_cast<std::size_t>(ranks.size()));
  std::vector<std::size_t> used(said.size(), static_cast<std::size_t>(expected));
  ranks.world().run([&](Communicator& c) {
    said[static_cast<std::size_t>(c.rank())] = at::get_num_threads();
    if (gomp_parallel() != nullptr) used[static_cast<std::size_t>(c.rank())] = team_size();
  });
  CHECK(std::all_of(said.begin(), said.end(), [&](int threads) { return threads == expected; }));
  CHECK(std::all_of(used.begin(), used.end(),
                    [&](std::size_t threads) { return threads == static_cast<std::size_t>(expected); }));
}

TEST_CASE("intra-op threads are shared out among ranks, at least one each") {
  CHECK(threads_per_rank(2, 1) == 2);
  CHECK(threads_per_rank(2, 4) == 1);
  CHECK(threads_per_rank(16, 3) == 5);
  CHECK(threads_per_rank(0, 3) == 1);
}

TEST_CASE("rank threads really use their share") {
  for (int ranks : {1, 2, 3, 4}) {
    CAPTURE(ranks);
    RankWorld world(ranks, {}, 4);
    check_threads(world, 4 / ranks);
  }
}

TEST_CASE("without a total the caller's threads are shared") {
  const int own = at::get_num_threads();
  at::set_num_threads(6);
  RankWorld world(2);
  CHECK(at::get_num_threads() == 6);
  check_threads(world, 3);
  at::set_num_threads(own);
}

TEST_CASE("worlds of different sizes, used in turns, keep their threads, and the caller keeps its own") {
  const int own = at::get_num_threads();
  RankWorld one(1, {}, 2);
  RankWorld four(4, {}, 2);
  RankWorld two(2, {}, 6);
  for (int round = 0; round < 3; ++round) {
    check_threads(one, 2);
    check_threads(four, 1);
    check_threads(two, 3);
    CHECK(at::get_num_threads() == own);
  }
  at::set_num_threads(5);  // what anybody else does later changes nothing
  check_threads(one, 2);
  check_threads(four, 1);
  at::set_num_threads(own);
}

TEST_CASE("threads that come later get the number there was before") {
  const int own = at::get_num_threads();
  RankWorld world(4, {}, 12);
  int later = 0;
  std::thread([&] { later = at::get_num_threads(); }).join();
  CHECK(later == own);
}

TEST_CASE("the caller's own on_thread_start still runs, with the threads set") {
  std::vector<int> seen(2);
  RankWorld world(2,
                  {.on_thread_start = [&](int rank) { seen[static_cast<std::size_t>(rank)] = at::get_num_threads(); },
                   .on_copy = {}},
                  6);
  CHECK(seen == std::vector<int>{3, 3});
}

}  // namespace
}  // namespace ringattn
