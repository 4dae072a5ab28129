#include "comm/world.h"
#include "config/error.h"
#include "ring/ring_attention.h"
#include "tests/processes/crew.h"
#include "tests/support/rank_inputs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

struct Trial {
  std::string pattern;
  std::string lengths;
  std::string rates;
  std::int64_t seq_len;
  bool is_causal;
};

RingAttentionConfig config_of(const Trial& trial) {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", trial.lengths, "test");
  set_field(config, "dilation_rates", trial.rates, "test");
  set_field(config, "pattern", trial.pattern, "test");
  return config;
}

/// What one rank has at the end: out, lse, and the derivatives.
using RankTensors = std::vector<at::Tensor>;

/// Forward and backward of this world's ranks, at their places.
std::vector<RankTensors> run(World& world, const Trial& trial) {
  const int k = world.size();
  const RankInputs full = testing::full_inputs(2, trial.seq_len, 4, 16, at::kFloat, 7, 2);
  const at::Tensor grad = testing::full_inputs(2, trial.seq_len, 4, 16, at::kFloat, 8).query;
  Problem problem{.seq_len = trial.seq_len, .heads = 4, .is_causal = trial.is_causal};
  problem.kv_heads = 2;
  RingAttention ring(config_of(trial), problem, k);
  std::vector<RankTensors> ranks(static_cast<std::size_t>(k));
  world.reset_traffic();
  world.run([&](Communicator& c) {
    at::set_num_threads(1);
    const RankInputs own = testing::rank_inputs(full, ring, c.rank(), k, at::kCPU);
    const Partial result = ring.forward(c, own);
    const at::Tensor own_grad = testing::rows_among_nan(grad, ring.query_positions(c.rank(), k)).contiguous();
    const Gradients gradients = ring.backward(c, own, result, own_grad);
    ranks[static_cast<std::size_t>(c.rank())] = {result.out, result.lse, gradients.query, gradients.key,
                                                 gradients.value};
  });
  return ranks;
}

std::string differences(const std::vector<RankTensors>& got, const std::vector<RankTensors>& wanted, int rank) {
  const auto r = static_cast<std::size_t>(rank);
  for (std::size_t i = 0; i < wanted[r].size(); ++i) {
    if (!at::equal(got[r].at(i), wanted[r][i]))
      return "rank " + std::to_string(rank) + ": tensor " + std::to_string(i) + " is another";
  }
  return "";
}

/// The traffic as text, to be compared whole.
std::string text_of(const Traffic& traffic) {
  std::string text;
  for (const TrafficRecord& r : traffic.records)
    text += std::to_string(r.from) + ">" + std::to_string(r.to) + " at " + std::to_string(r.hop) + ": " +
            std::to_string(r.bytes) + " in " + std::to_string(r.messages) + "\n";
  return text;
}

TEST_CASE("processes compute what threads compute, to the bit and to the byte, forward and backward") {
  const std::vector<Trial> trials{{"dense", "[64]", "[1]", 1, true},
                                  {"dense", "[64]", "[1]", 65, true},
                                  {"dense", "[64]", "[1]", 130, false},
                                  {"dilated", "[16,64]", "[1,2]", 131, true},
                                  {"dilated_keys", "[16,64]", "[1,3]", 67, false},
                                  {"longnet", "[32,64]", "[1,2]", 97, true}};
  for (const int k : {2, 3, 4, 8}) {
    std::vector<std::vector<RankTensors>> wanted;
    std::vector<std::string> traffic;
    for (const Trial& trial : trials) {
      World threads(k);
      wanted.push_back(run(threads, trial));
      traffic.push_back(text_of(threads.traffic()));
    }
    CAPTURE(k);
    CHECK_NOTHROW(testing::run_crew(k, [&](const std::shared_ptr<ProcessGroup>& group) {
      World processes(group, k);
      for (std::size_t i = 0; i < trials.size(); ++i) {
        const std::string where = trials[i].pattern + " n=" + std::to_string(trials[i].seq_len) + ": ";
        const std::string what = differences(run(processes, trials[i]), wanted[i], group->rank());
        if (!what.empty()) throw RuntimeFailure(where + what);
        const std::string bytes = text_of(processes.traffic());
        if (group->rank() == 0 && bytes != traffic[i]) throw RuntimeFailure(where + bytes + "not\n" + traffic[i]);
      }
    }));
  }
}

}  // namespace
}  // namespace ringattn
