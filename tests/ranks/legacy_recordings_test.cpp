#include "attention/safetensors.h"
#include "comm/world.h"
#include "legacy/factory.h"
#include "legacy/raises.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// tests/golden/legacy_core: what the released Python classes returned or raised, recorded by running them (torch 2.11,
// CPU, gloo).

namespace ringattn {
namespace {

const std::string folder = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/legacy_core/";

nlohmann::json read_cases() {
  std::ifstream file(folder + "index.json");
  return nlohmann::json::parse(file).at("cases");
}

struct Outcome {
  std::vector<at::Tensor> outs;  ///< by rank
  std::optional<legacy::LegacyRaises> raised;
};

Outcome replay(World& world, const nlohmann::json& recorded, const RankInputs& inputs) {
  legacy::LegacyOptions options;
  options.segment_lengths = recorded.at("segment_lengths").get<std::vector<std::int64_t>>();
  options.dilation_rates = recorded.at("dilation_rates").get<std::vector<std::int64_t>>();
  options.as_shipped = true;
  if (recorded.at("constructor").contains("ring_size"))
    options.ring_size = recorded.at("constructor").at("ring_size").get<std::int64_t>();
  const auto attention = legacy::make_legacy(recorded.at("alias").get<std::string>(), options,
                                             {.seq_len = inputs.query.size(1),
                                              .heads = inputs.query.size(2),
                                              .is_causal = recorded.at("is_causal").get<bool>()},
                                             world.size());
  Outcome outcome;
  outcome.outs.resize(static_cast<std::size_t>(world.size()));
  try {
    world.run([&](Communicator& communicator) {
      outcome.outs[static_cast<std::size_t>(communicator.rank())] = attention->forward(communicator, inputs).out;
    });
  } catch (const legacy::LegacyRaises& raised) {
    outcome.raised = raised;
  }
  return outcome;
}

}  // namespace

TEST_CASE(
    "as shipped, the old implementations return what was recorded from the released classes, and raise where those "
    "raised") {
  const SafetensorsFile tensors(folder + "golden.safetensors");
  std::map<int, std::unique_ptr<World>> worlds;
  std::map<std::string, int> matched;
  for (const nlohmann::json& recorded : read_cases()) {
    const std::string id = recorded.at("id").get<std::string>();
    CAPTURE(id);
    const int k = recorded.at("world_size").get<int>();
    if (!worlds[k]) worlds[k] = std::make_unique<World>(k);
    const std::string set = "inputs/" + recorded.at("inputs").get<std::string>() + "/";
    const RankInputs inputs{tensors.tensor(set + "query"), tensors.tensor(set + "key"), tensors.tensor(set + "value")};
    const Outcome outcome = replay(*worlds[k], recorded, inputs);

    if (recorded.at("result") == "raises") {
      REQUIRE(outcome.raised.has_value());
      CHECK(outcome.raised->type == recorded.at("error").get<std::string>());
      CHECK(outcome.raised->message == recorded.at("message").get<std::string>());
      ++matched["raises"];
      continue;
    }
    REQUIRE_FALSE(outcome.raised.has_value());
    for (int rank = 0; rank < k; ++rank) {
      const at::Tensor wanted = tensors.tensor("outputs/" + id + "/rank" + std::to_string(rank));
      const at::Tensor& out = outcome.outs[static_cast<std::size_t>(rank)];
      REQUIRE(out.sizes() == wanted.sizes());
      CHECK(at::allclose(out, wanted, 1e-4, 1e-5, true));
    }
    ++matched[recorded.at("alias").get<std::string>() + "/w" + std::to_string(k)];
  }
  CHECK(matched["raises"] == 30);
  CHECK(matched["base/w1"] + matched["v2/w1"] + matched["v2_collective/w1"] > 90);
  CHECK(matched["v2_collective/w2"] >= 20);
  CHECK(matched["v2_collective/w4"] >= 8);
}

}  // namespace ringattn
