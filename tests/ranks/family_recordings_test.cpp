#include "attention/oracle.h"
#include "attention/stream_mover.h"
#include "comm/world.h"
#include "config/error.h"
#include "ring/ring_attention.h"
#include "tests/support/rank_inputs.h"
#include "tests/support/released_families.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

// What released classes of tests/golden/legacy and /hilbert returned in one process. Each function has a pattern here
// (released_families.h), and that pattern must give the recorded numbers.

namespace ringattn {
namespace {

using testing::preserving_config;
using testing::Recording;
using testing::ReleasedFamily;

std::vector<Recording> read_all() {
  std::set<std::string> aliases;
  for (const ReleasedFamily& family : testing::released_families()) aliases.insert(family.alias);
  std::vector<Recording> all;
  for (const char* folder : {"legacy", "hilbert"}) {
    const std::string path = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/" + folder;
    for (Recording& recording : testing::read_recordings_alone(path, aliases)) all.push_back(std::move(recording));
  }
  return all;
}

const std::vector<Recording>& recordings() {
  static const std::vector<Recording> all = read_all();
  return all;
}

/// |a - b| <= 1e-5 + 1e-4·|b| everywhere, b the recording; NaN equals nothing.
bool equals_recording(const Recording& recording, const at::Tensor& out) {
  const at::Tensor wanted = recording.wanted.to(at::kDouble);
  return at::allclose(recording.returned(out), wanted, 1e-4, 1e-5);
}

at::Tensor oracle_out(const ReleasedFamily& family, const Recording& recording) {
  const RingAttentionConfig config = preserving_config(family, recording);
  const RankInputs& inputs = recording.inputs;
  return evaluate_oracle(resolve_function(config, recording.seq_len(), recording.heads(), recording.is_causal),
                         inputs.query, inputs.key, inputs.value)
      .out;
}

/// The rows of all ranks, each of which sees its own rows among NaN.
at::Tensor ring_out(World& world, const ReleasedFamily& family, const Recording& recording) {
  RingAttention attention(preserving_config(family, recording), recording.seq_len(), recording.heads(),
                          recording.is_causal, world.size());
  at::Tensor out = at::full_like(recording.inputs.query, NAN);
  std::mutex gather;
  world.run([&](Communicator& communicator) {
    const int rank = communicator.rank();
    const RankInputs own = testing::rank_inputs(recording.inputs, attention, rank, world.size());
    const Partial part = attention.forward(communicator, own);
    const at::Tensor index = at::tensor(expand(attention.query_positions(rank, world.size())), at::kLong);
    const std::scoped_lock lock(gather);
    out.index_copy_(1, index, part.out.cpu());
  });
  return out;
}

/// The oracle gives other numbers, or refuses a curve that is no permutation: for a recording where the class computed
/// something else.
bool differs(const ReleasedFamily& family, const Recording& recording) {
  try {
    return !equals_recording(recording, oracle_out(family, recording));
  } catch (const UsageError& error) {
    return family.axes.order == OrderRule::turned && std::string(error.what()).find("permutation") != std::string::npos;
  }
}

struct Count {
  int full = 0, causal = 0, outside = 0;
};

/// How many recordings lie within each family's condition, and how many beyond.
const std::map<std::string, Count> expected_counts{
    {"base", {15, 15, 0}},
    {"v2", {10, 2, 18}},
    {"v2_robust", {13, 2, 19}},
    {"correct", {13, 0, 13}},
    {"hilbert_core", {11, 1, 9}},
    {"hilbert_optimized_correct", {10, 1, 8}},
    {"hilbert_proper", {10, 0, 9}},
    {"hilbert_gpu_optimized", {10, 0, 9}},
    {"hilbert_optimized_fixed", {14, 7, 8}},
    {"hybrid", {13, 1, 4}},
    {"hybrid_fixed", {11, 0, 23}},
    {"production", {11, 2, 19}},
    {"fixed", {13, 2, 11}},
    {"triton_opt", {10, 0, 12}},
    {"simple_triton", {11, 1, 8}},
};

}  // namespace

TEST_CASE("the oracle of a family's axes gives what the released class returned where its condition holds, alone") {
  at::set_num_threads(1);
  for (const ReleasedFamily& family : testing::released_families()) {
    Count count;
    for (const Recording& recording : recordings()) {
      if (recording.alias != family.alias) continue;
      CAPTURE(recording.id);
      if (!family.holds(recording)) {
        CHECK(differs(family, recording));
        ++count.outside;
        continue;
      }
      CHECK_NOTHROW(CHECK(equals_recording(recording, oracle_out(family, recording))));
      ++(recording.is_causal ? count.causal : count.full);
    }
    const Count& expected = expected_counts.at(family.alias);
    CAPTURE(family.alias);
    CHECK(count.full == expected.full);
    CHECK(count.causal == expected.causal);
    CHECK(count.outside == expected.outside);
  }
}

TEST_CASE("the ring gives a family's recordings at one, two and three ranks") {
  at::set_num_threads(1);
  for (const int ranks : {1, 2, 3}) {
    World world(ranks, on_devices({}, testing::test_device().type()));
    for (const ReleasedFamily& family : testing::released_families()) {
      for (const Recording& recording : recordings()) {
        if (recording.alias != family.alias || !family.holds(recording)) continue;
        CAPTURE(recording.id);
        CAPTURE(ranks);
        CHECK_NOTHROW(CHECK(equals_recording(recording, ring_out(world, family, recording))));
      }
    }
  }
}

}  // namespace ringattn
