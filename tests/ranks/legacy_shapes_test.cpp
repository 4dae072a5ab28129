#include "comm/world.h"
#include "compare/recording.h"
#include "config/error.h"
#include "legacy/raises.h"
#include "legacy/released_replay.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

// The released classes on shapes, lists and rank counts that no recording has: whatever they are given, they return,
// raise what Python raised, refuse with a reason, or wait to the deadline.

namespace ringattn {
namespace {

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

using Random = std::mt19937_64;

std::int64_t pick(Random& random, std::initializer_list<std::int64_t> choices) {
  return choices.begin()[random() % choices.size()];
}

bool one_in(Random& random, int n) { return random() % static_cast<std::uint64_t>(n) == 0; }

/// Recordings by class: their arguments are the ones that the class takes.
std::vector<std::vector<Recording>> templates() {
  std::map<std::string, std::vector<Recording>> by_alias;
  for (const char* folder : {"legacy", "hilbert"}) {
    for (Recording& recording : read_recordings(golden + folder))
      by_alias[recording.alias].push_back(std::move(recording));
  }
  std::vector<std::vector<Recording>> all;
  for (auto& [alias, recordings] : by_alias) all.push_back(std::move(recordings));
  return all;
}

/// Other lists of one length, with more pairs than heads or fewer.
void draw_lists(Random& random, Recording& recording) {
  recording.segment_lengths.clear();
  recording.dilation_rates.clear();
  for (std::int64_t pairs = pick(random, {1, 2, 2, 3, 4, 6}); pairs > 0; --pairs) {
    recording.segment_lengths.push_back(pick(random, {1, 2, 3, 5, 7, 8, 12, 16, 20, 24, 64, 300}));
    recording.dilation_rates.push_back(pick(random, {1, 1, 2, 3, 5, 8, 33}));
  }
}

/// Fresh numbers in (batch, rows, …) tensors of other sizes, small parameters as they were; masks keep their size.
void draw_inputs(Random& random, Recording& recording) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(random());
  const std::int64_t batch = pick(random, {1, 2, 3}), heads = pick(random, {0, 0, 1, 2, 3, 5, 7});
  const std::int64_t n = pick(random, {1, 1, 2, 3, 5, 7, 12, 13, 16, 24, 30, 48, 65, 96, 100, 128});
  for (auto& [name, tensor] : recording.inputs) {
    if (tensor.dim() < 3) continue;
    std::vector<std::int64_t> sizes = tensor.sizes().vec();
    sizes[0] = batch;
    sizes[1] = n;
    if (sizes.size() == 4 && heads > 0) sizes[2] = heads;
    tensor = at::randn(sizes, generator, at::TensorOptions().dtype(at::kFloat));
  }
}

Recording draw(Random& random, const std::vector<Recording>& of_class) {
  Recording recording = of_class[random() % of_class.size()];
  // hilbert_core_fixed has weights for each pair, and so as many pairs as were recorded.
  if (recording.alias != "hilbert_core_fixed" && !one_in(random, 4)) draw_lists(random, recording);
  draw_inputs(random, recording);
  recording.world_size = static_cast<int>(pick(random, {1, 1, 2, 3, 4, 5}));
  recording.is_causal = one_in(random, 2);
  recording.chunk_sequence.clear();
  recording.ring_size.reset();
  if (one_in(random, 2)) recording.ring_size = recording.world_size;
  return recording;
}

/// Whether every rank ended as it may; `failure` says how one did not.
bool ends_well(World& world, const Recording& recording, std::string& failure) {
  const ReplaySubject subject = legacy::released_subject(recording);
  std::vector<std::string> failures(static_cast<std::size_t>(world.size()));
  const auto run = [&](Communicator& communicator) {
    TensorsByName own = recording.inputs;
    for (auto& [name, tensor] : own) tensor = tensor.clone();
    try {
      if (subject.run(communicator, own).defined()) return;
      throw std::logic_error("returned no tensor");
    } catch (const ReleasedCodeRaised& raised) {
      communicator.abort(raised.what());
    } catch (const Unavailable& reason) {
      communicator.abort(reason.what());
    } catch (const RuntimeFailure&) {  // another rank's abort, or the deadline
    } catch (const std::exception& error) {
      failures[static_cast<std::size_t>(communicator.rank())] = error.what();
    }
  };
  try {
    world.run(run);
  } catch (const RuntimeFailure&) {  // the abort, once more
  }
  for (const std::string& words : failures) {
    if (!words.empty()) failure = words;
  }
  return failure.empty();
}

}  // namespace

TEST_CASE("released classes end in one of four ways on any shape, lists and number of ranks") {
  const std::vector<std::vector<Recording>> classes = templates();
  std::map<int, std::unique_ptr<World>> worlds;
  WorldOptions options;
  options.timeout = std::chrono::milliseconds(200);
  Random random(20260);
  for (int round = 0; round < 20; ++round) {
    for (const std::vector<Recording>& of_class : classes) {
      const Recording recording = draw(random, of_class);
      auto& world = worlds[recording.world_size];
      if (!world) world = std::make_unique<World>(recording.world_size, options);
      std::string failure;
      const bool is_well = ends_well(*world, recording, failure);
      CAPTURE(recording.id);
      CAPTURE(round);
      CAPTURE(recording.world_size);
      CAPTURE(recording.inputs.begin()->second.sizes());
      CAPTURE(Json(recording.segment_lengths).dump());
      CAPTURE(Json(recording.dilation_rates).dump());
      CAPTURE(failure);
      CHECK(is_well);
    }
  }
}

}  // namespace ringattn
