#include "comm/rank_sum.h"
#include "comm/world.h"
#include "config/error.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace ringattn {
namespace {

/// Numbers of very different size, so that the order of a sum shows in its bits.
template <typename T>
std::vector<T> values_of(int rank, std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>(std::sin(static_cast<double>(i * 7 + 1) * (rank + 1)) * std::pow(10.0, (rank * 5) % 7));
  return values;
}

template <typename T>
void check_sums(int k, std::size_t count) {
  CAPTURE(k);
  CAPTURE(count);
  std::vector<T> expected = values_of<T>(0, count);
  for (int rank = 1; rank < k; ++rank) {
    const std::vector<T> more = values_of<T>(rank, count);
    for (std::size_t i = 0; i < count; ++i) expected[i] += more[i];
  }
  World world(k);
  std::vector<std::vector<T>> sums(static_cast<std::size_t>(k));
  world.run([&](Communicator& c) {
    std::vector<T>& own = sums[static_cast<std::size_t>(c.rank())];
    own = values_of<T>(c.rank(), count);
    sum_over_ranks(c, std::span(own));
  });
  for (const std::vector<T>& each : sums)
    CHECK((count == 0 || std::memcmp(each.data(), expected.data(), count * sizeof(T)) == 0));

  // Each rank sends all parts but its own, then its own to all others.
  const Traffic traffic = world.traffic();
  for (int rank = 0; rank < k; ++rank) {
    const auto begin = count * static_cast<std::size_t>(rank) / static_cast<std::size_t>(k);
    const auto part = count * static_cast<std::size_t>(rank + 1) / static_cast<std::size_t>(k) - begin;
    const std::size_t sent = count - part + part * static_cast<std::size_t>(k - 1);
    CHECK(traffic.sent_bytes(rank) == (k == 1 ? 0 : static_cast<std::int64_t>(sent * sizeof(T))));
  }
  for (const TrafficRecord& record : traffic.records) CHECK(record.hop == rank_sum_hop);
}

TEST_CASE("every rank gets the sum in rank order, to the bit, for twice (k-1)/k of the values") {
  for (const int k : {1, 2, 3, 4, 8}) {
    for (const std::size_t count : {0U, 1U, 5U, 8U, 1000U}) {
      check_sums<float>(k, count);
      check_sums<double>(k, count);
    }
  }
}

TEST_CASE("ranks with different numbers of values are told so, all of them") {
  int told = 0;
  std::mutex mutex;
  spawn_ranks(3, [&](Communicator& c) {
    std::vector<float> values(c.rank() == 2 ? 4 : 5);
    try {
      sum_over_ranks(c, std::span(values));
    } catch (const UsageError& error) {
      CHECK(std::string(error.what()) == "rank 2: has 4 values to add up, rank 0 has 5; they must be equal");
      const std::scoped_lock lock(mutex);
      ++told;
    }
  });
  CHECK(told == 3);
}

}  // namespace
}  // namespace ringattn
