#include "attention/safetensors.h"
#include "comm/world.h"
#include "compare/replay.h"
#include "legacy/factory.h"
#include "legacy/raises.h"
#include "legacy/released_replay.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// tests/golden/legacy and /hilbert: what the released Python classes returned, raised or waited for, recorded by
// running them (torch 2.11, CPU, gloo). All of it is replayed.

namespace ringattn {
namespace {

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

/// What a folder's recordings ended with.
using Count = std::map<RecordedResult, int>;

/// Replays the folder's recordings, either those of one rank or those of several. Every one must match.
Count replay_folder(const std::string& folder, bool several_ranks) {
  Replayer replayer(legacy::released_subject);
  Count matched;
  for (const Recording& recording : read_recordings(golden + folder)) {
    if ((recording.world_size > 1) != several_ranks) continue;
    CAPTURE(recording.id);
    const ReplayVerdict verdict = replayer.replay(recording);
    CAPTURE(verdict.words);
    CHECK(verdict.outcome == ReplayOutcome::matched);
    ++matched[recording.result];
  }
  return matched;
}

/// The recordings that `--old NAME --as-shipped` can ask for: without what only a constructor of Python could be given.
std::vector<nlohmann::json> core_cases() {
  std::ifstream file(golden + "legacy/index.json");
  std::vector<nlohmann::json> chosen;
  const nlohmann::json index = nlohmann::json::parse(file);
  for (const nlohmann::json& recorded : index.at("cases")) {
    const std::string alias = recorded.at("alias");
    const bool is_collective = alias == "v2_collective";
    const bool is_core = alias == "base" || alias == "v2" || is_collective;
    const bool asks_for_a_gpu = is_collective && recorded.at("constructor").value("use_flash_attention", true);
    if (is_core && !asks_for_a_gpu && recorded.at("patched").get<std::string>().empty()) chosen.push_back(recorded);
  }
  return chosen;
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

TEST_CASE("every recording of a ring or hybrid class, alone, is matched") {
  CHECK((replay_folder("legacy", false) == Count{{RecordedResult::tensor, 788}, {RecordedResult::raises, 168}}));
}

TEST_CASE("every recording of a ring or hybrid class on several ranks is matched, waits for ever included") {
  CHECK((replay_folder("legacy", true) ==
         Count{{RecordedResult::tensor, 391}, {RecordedResult::raises, 100}, {RecordedResult::hangs, 4}}));
}

TEST_CASE("every recording of a Hilbert class or a released new variant, on any number of ranks, is matched") {
  CHECK((replay_folder("hilbert", false) == Count{{RecordedResult::tensor, 253}, {RecordedResult::raises, 51}}));
  CHECK((replay_folder("hilbert", true) == Count{{RecordedResult::tensor, 179}, {RecordedResult::raises, 34}}));
}

TEST_CASE("an old implementation made as shipped returns what was recorded, and raises with the recorded words") {
  const SafetensorsFile tensors(golden + "legacy/golden.safetensors");
  std::map<int, std::unique_ptr<World>> worlds;
  std::map<std::string, int> matched;
  for (const nlohmann::json& recorded : core_cases()) {
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
