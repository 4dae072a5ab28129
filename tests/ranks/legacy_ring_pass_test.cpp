#include "comm/world.h"
#include "legacy/ring_pass.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn::legacy {
namespace {

/// Rows that name their rank.
at::Tensor rows_of_rank(int rank) { return at::full({2, 3, 1, 2}, static_cast<double>(rank)); }

using Visits = std::vector<std::pair<std::int64_t, double>>;  // (believed source, rank whose rows they are)

std::vector<Visits> visits(int world_size, const RingOptions& options) {
  std::vector<Visits> all(static_cast<std::size_t>(world_size));
  spawn_ranks(world_size, [&](Communicator& communicator) {
    ring_pass(communicator, {rows_of_rank(communicator.rank()), rows_of_rank(communicator.rank()) + 10}, options,
              [&](const RingStep& now) {
                CHECK(at::equal(now.tensors[0] + 10, now.tensors[1]));
                all[static_cast<std::size_t>(communicator.rank())].emplace_back(
                    now.source, now.tensors[0].flatten()[0].item<double>());
              });
  });
  return all;
}

}  // namespace

TEST_CASE("a pass brings each rank its own rows first, then those of the ranks before it") {
  const std::vector<Visits> all = visits(3, {});
  CHECK(all[0] == Visits{{0, 0}, {2, 2}, {1, 1}});
  CHECK(all[1] == Visits{{1, 1}, {0, 0}, {2, 2}});
  CHECK(all[2] == Visits{{2, 2}, {1, 1}, {0, 0}});
}

TEST_CASE("a recorded race uses the recorded chunks under the believed numbers") {
  const std::vector<Visits> all = visits(2, {.used_chunks = {1, 1}});
  CHECK(all[0] == Visits{{0, 1}, {1, 1}});
  CHECK(all[1] == Visits{{1, 1}, {0, 1}});
}

TEST_CASE("each rank sends its two tensors in one message a hop, one hop fewer than ranks") {
  World world(4);
  world.run([](Communicator& communicator) {
    ring_pass(communicator, {rows_of_rank(0), rows_of_rank(1)}, {}, [](const RingStep&) {});
  });
  const Traffic traffic = world.traffic();
  const std::int64_t bytes = 2 * rows_of_rank(0).numel() * rows_of_rank(0).element_size();
  for (int rank = 0; rank < 4; ++rank) {
    CHECK(traffic.messages(rank) == 3);
    CHECK(traffic.sent_bytes(rank) == 3 * bytes);
  }
}

TEST_CASE("chunks cover the sequence; the last ones may be short or empty, and are padded with zeros") {
  const Chunks chunks{7, 4};
  CHECK(chunks.size() == 2);
  CHECK(chunks.rows(3) == 1);
  CHECK(Chunks{6, 4}.rows(3) == 0);
  const at::Tensor padded = padded_chunk(at::ones({1, 7, 1, 1}), chunks, 3);
  CHECK(at::equal(padded.flatten(), at::tensor({1.0f, 0.0f})));
}

}  // namespace ringattn::legacy
