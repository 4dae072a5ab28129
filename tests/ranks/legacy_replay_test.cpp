#include "compare/replay.h"
#include "legacy/raises.h"
#include "legacy/released.h"
#include "legacy/released_replay.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The harness that replays recordings of the released classes: what it calls equal, and what it sees when classes
// raise, wait for ever, or are not there.

namespace ringattn {
namespace {

const std::string folder = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/legacy";

/// A recording of two ranks that each returned `out`.
Recording recording_of(const at::Tensor& out) {
  Recording recording;
  recording.id = "made";
  recording.alias = "made";
  recording.world_size = 2;
  recording.inputs.emplace("query", at::ones({1, 2, 1, 1}));
  recording.drawn.resize(2);
  recording.outputs = {out, out};
  return recording;
}

ReplayVerdict replay(const Recording& recording, std::function<at::Tensor(Communicator&, const TensorsByName&)> run) {
  Replayer replayer([&](const Recording&) { return ReplaySubject{run, {}}; });
  return replayer.replay(recording);
}

}  // namespace

TEST_CASE("the wrong class, one changed number and one NaN too many all differ") {
  std::vector<Recording> recordings = read_recordings(folder);
  const auto chosen = std::find_if(recordings.begin(), recordings.end(),
                                   [](const Recording& r) { return r.id == "v2_collective/w2/a/a1/full"; });
  REQUIRE(chosen != recordings.end());
  Replayer replayer(legacy::released_subject);
  const at::Tensor right = chosen->outputs[1];
  for (const float wrong : {1.01F * right[0][3][1][2].item<float>() + 0.01F, NAN, INFINITY}) {
    chosen->outputs[1] = right.clone();
    chosen->outputs[1][0][3][1][2] = wrong;
    const ReplayVerdict verdict = replayer.replay(*chosen);
    CHECK(verdict.outcome == ReplayOutcome::differs);
    CHECK(verdict.words.starts_with("rank 1: 1 "));
    CHECK(verdict.words.find("[0, 3, 1, 2]") != std::string::npos);
  }
  chosen->outputs[1] = right;
  CHECK(replayer.replay(*chosen).outcome == ReplayOutcome::matched);
  chosen->alias = "v2";
  CHECK(replayer.replay(*chosen).outcome == ReplayOutcome::differs);
}

TEST_CASE("a class that raises on one rank matches a recording that raises, whatever the others wait for") {
  Recording recording = recording_of({});
  recording.result = RecordedResult::raises;
  recording.error = "ValueError";
  const auto half_raises = [](Communicator& communicator, const TensorsByName&) -> at::Tensor {
    if (communicator.rank() == 0) throw legacy::LegacyRaises("ValueError", "no");
    legacy::wait_for_ever(communicator);
  };
  CHECK(replay(recording, half_raises).outcome == ReplayOutcome::matched);
  recording.rank_results = {RecordedResult::raises, RecordedResult::hangs};
  CHECK(replay(recording, half_raises).outcome == ReplayOutcome::matched);
  recording.rank_results = {RecordedResult::raises, RecordedResult::raises};
  const ReplayVerdict verdict = replay(recording, half_raises);
  CHECK(verdict.outcome == ReplayOutcome::differs);
  CHECK(verdict.words.starts_with("rank 1: waits for ever; recorded: raises"));
  const auto returns = [](Communicator&, const TensorsByName& inputs) { return inputs.at("query"); };
  recording.rank_results.clear();
  CHECK(replay(recording, returns).words == "rank 0: returns a tensor; recorded: raises: ValueError: ");
}

TEST_CASE("hanging ranks must reach the deadline while the others return") {
  Recording recording = recording_of(at::ones({1, 2, 1, 1}));
  recording.result = RecordedResult::hangs;
  recording.rank_results = {RecordedResult::tensor, RecordedResult::hangs};
  recording.outputs[1] = at::Tensor();
  const auto returns = [](Communicator&, const TensorsByName& inputs) { return inputs.at("query"); };
  CHECK(replay(recording, returns).words == "rank 1: returns a tensor; recorded: a wait for ever");
  const auto half_hangs = [](Communicator& communicator, const TensorsByName& inputs) -> at::Tensor {
    if (communicator.rank() == 1) legacy::wait_for_ever(communicator);
    return inputs.at("query");
  };
  CHECK(replay(recording, half_hangs).outcome == ReplayOutcome::matched);
}

TEST_CASE("an error of ours is a difference, a refusal says why") {
  const Recording recording = recording_of(at::ones({1, 2, 1, 1}));
  const auto breaks = [](Communicator&, const TensorsByName& inputs) { return inputs.at("query").reshape({5, 5}); };
  const ReplayVerdict broken = replay(recording, breaks);
  CHECK(broken.outcome == ReplayOutcome::differs);
  CHECK(broken.words.find("breaks (") != std::string::npos);
  Replayer replayer(legacy::released_subject);
  const ReplayVerdict refused = replayer.replay(recording);
  CHECK(refused.outcome == ReplayOutcome::refused);
  CHECK(refused.words == "there is no class with the alias \"made\"");
}

TEST_CASE("a rank may write into its inputs without the others seeing it") {
  const Recording recording = recording_of(at::ones({1, 2, 1, 1}));
  const auto writes = [](Communicator& communicator, const TensorsByName& inputs) {
    const at::Tensor seen = inputs.at("query").clone();
    inputs.at("query").fill_(7.0);
    communicator.barrier();
    return seen;
  };
  CHECK(replay(recording, writes).outcome == ReplayOutcome::matched);
  CHECK(replay(recording, writes).outcome == ReplayOutcome::matched);
}

TEST_CASE("numbers near overflow are judged by the largest") {
  const at::Tensor want = at::tensor({1e30F, 1.0F, INFINITY});
  const at::Tensor got = at::tensor({1e30F, 5e25F, INFINITY});
  CHECK(tensor_difference(got, want, "hilbert_triton_v2").empty());
  CHECK_FALSE(tensor_difference(got, want, "v2").empty());
  CHECK_FALSE(tensor_difference(-got, want, "hilbert_triton_v2").empty());
  CHECK(tensor_difference(at::zeros({2}), want, "v2") == "returns shape (2); recorded: (3)");
}

TEST_CASE("every released class stands in one table, with something to run or a reason") {
  std::set<std::string_view> seen;
  for (const auto& table :
       {legacy::ring_classes(), legacy::hybrid_classes(), legacy::hilbert_classes(), legacy::new_variant_classes()}) {
    for (const legacy::ReleasedEntry& entry : table) {
      CAPTURE(entry.alias);
      CHECK(seen.insert(entry.alias).second);
      CHECK((entry.run != nullptr) == entry.refused.empty());
      CHECK(legacy::find_released(entry.alias) == &entry);
    }
  }
  CHECK(legacy::find_released("no such class") == nullptr);
}

}  // namespace ringattn
