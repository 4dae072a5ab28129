#include "attention/oracle.h"
#include "attention/safetensors.h"
#include "compare/numeric.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

// Queries, keys and values of a trained text encoder: logits up to 78, rows of nearly no entropy.

namespace ringattn {
namespace {

struct Recording {
  RankInputs inputs;
  Partial dense;
};

Recording recording(const std::string& layer) {
  const SafetensorsFile file(std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/real-text/" + layer + ".safetensors");
  return {{file.tensor("query"), file.tensor("key"), file.tensor("value")}, {file.tensor("out"), file.tensor("lse")}};
}

}  // namespace

TEST_CASE("real text: the dense result equals the recorded output and logsumexp at every rank count") {
  for (const std::string layer : {"layer0", "layer5"}) {
    const Recording recorded = recording(layer);
    for (const int ranks : {1, 2, 3, 5, 8}) {
      INFO(fmt::format("{} k={}", layer, ranks));
      const testing::RingRun run =
          testing::run_ring(testing::ring_config("dense", "[512]", "[1]"), recorded.inputs, false, ranks);
      CHECK(testing::worst_error(run.out, recorded.dense.out, 1e-5, 1e-5) <= 1.0);
      CHECK(testing::worst_error(run.lse, recorded.dense.lse, 1e-5, 1.3e-6) <= 1.0);
    }
  }
}

TEST_CASE("real text: every pattern passes the logic tier against the oracle at every rank count") {
  for (const std::string layer : {"layer0", "layer5"}) {
    const RankInputs inputs = recording(layer).inputs;
    for (const std::string pattern : {"dense", "dilated", "dilated_keys"}) {
      for (const bool is_causal : {false, true}) {
        const RingAttentionConfig config = testing::ring_config(pattern, "[128, 256, 512]", "[1, 2, 4]");
        const OracleResult oracle =
            evaluate_oracle(resolve_function(config, 512, 12, is_causal), inputs.query, inputs.key, inputs.value);
        for (const int ranks : {1, 2, 3, 5, 8}) {
          INFO(fmt::format("{} {} causal={} k={}", layer, pattern, is_causal, ranks));
          const testing::RingRun run = testing::run_ring(config, inputs, is_causal, ranks);
          const NumericVerdict verdict =
              judge_against_oracle({run.out, run.lse}, {oracle.out, oracle.lse},
                                   {.inputs = input_magnitude(inputs.query, inputs.key, inputs.value)});
          CHECK_MESSAGE(verdict.passed, verdict.reason);
        }
      }
    }
  }
}

}  // namespace ringattn
