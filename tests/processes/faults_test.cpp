#include "comm/loopback_port.h"
#include "tests/processes/trial.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <regex>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using std::chrono::milliseconds;
using testing::Ranks;
using testing::start;
using testing::TrialRank;
using testing::variables_of;

/// Strikes one rank with the signal in the middle of a run, and holds the others to what they have to do: name it, all
/// alike and within the deadline. Returns how they name it.
std::string strike(Ranks& ranks, int victim, int signal, milliseconds deadline) {
  for (const auto& rank : ranks) REQUIRE(rank->is_ready());
  std::this_thread::sleep_for(milliseconds(50));
  const auto struck = std::chrono::steady_clock::now();
  ranks[static_cast<std::size_t>(victim)]->send(signal);
  std::string said;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (static_cast<int>(rank) == victim) continue;
    CAPTURE(rank);
    CHECK(ranks[rank]->wait(deadline) == 4);
    const std::string own = ranks[rank]->error();
    if (said.empty()) said = own;
    CHECK(own == said);
  }
  CHECK(std::chrono::steady_clock::now() - struck < deadline);
  return said;
}

TEST_CASE("a rank that is killed is named by every survivor, whoever it is") {
  constexpr milliseconds deadline(4000);
  for (const int size : {2, 3, 4}) {
    for (const int victim : {0, size - 1}) {
      CAPTURE(size);
      CAPTURE(victim);
      Ranks ranks = start(size, 100'000, deadline);
      const std::string said = strike(ranks, victim, SIGKILL, deadline);
      CHECK(std::regex_match(said, std::regex("rank " + std::to_string(victim) +
                                              " gone at .+ of case trial(: .*)?; seen by rank [0-9]\n")));
    }
  }
}

TEST_CASE("a rank that is stopped is named within the deadline, and gives up when it wakes") {
  constexpr milliseconds deadline(3000);
  Ranks ranks = start(3, 100'000, deadline);
  const std::string said = strike(ranks, 1, SIGSTOP, deadline);
  CHECK(std::regex_match(said, std::regex("rank 1 silent at .+ of case trial: no sign of life for 1500 ms, it is "
                                          "stopped or cut off; seen by rank [02]\n")));
  ranks[1]->send(SIGCONT);
  CHECK(ranks[1]->wait(deadline) == 4);
}

TEST_CASE("ranks that nothing happens to end well, and wait for one another") {
  Ranks ranks = start(4, 5, milliseconds(20'000));
  for (const auto& rank : ranks) {
    CHECK(rank->wait(milliseconds(20'000)) == 0);
    CHECK(rank->error().empty());
  }
}

TEST_CASE("a rank that never comes is named by those that wait for it") {
  const LoopbackPort port;
  Ranks ranks;
  for (const int rank : {0, 2})
    ranks.push_back(std::make_unique<TrialRank>(std::vector<std::string>{"1", "5", "1500"}, variables_of(rank, 3, port),
                                                rank == 0 ? port.descriptor() : -1));
  for (const auto& rank : ranks) CHECK(rank->wait(milliseconds(6000)) == 4);
  CHECK(ranks[0]->error().find("rank 1 did not come within 1500 ms") != std::string::npos);
}

}  // namespace
}  // namespace ringattn
