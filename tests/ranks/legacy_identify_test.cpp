#include "../support/user_recordings.h"
#include "legacy/identify_recording.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

// A recording of the original classes is known by its numbers when name and family are gone.

namespace ringattn {
namespace {

const std::string folder = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

/// Each `every`-th tensor recording with a finite row that is not zero.
std::vector<Recording> sample(const std::string& name, std::size_t every, std::size_t from) {
  std::vector<Recording> chosen;
  std::size_t index = 0;
  for (Recording& recording : read_recordings(folder + name)) {
    if (recording.result != RecordedResult::tensor || !testing::has_a_number(recording)) continue;
    if (index++ % every == from) chosen.push_back(std::move(recording));
  }
  return chosen;
}

const Recording& find(const std::vector<Recording>& recordings, const std::string& id) {
  const auto found = std::find_if(recordings.begin(), recordings.end(), [&](const auto& r) { return r.id == id; });
  REQUIRE(found != recordings.end());
  return *found;
}

bool is_named(const Identification& found, const std::string& name) {
  return std::any_of(found.matches.begin(), found.matches.end(),
                     [&](const Judged& match) { return match.candidate.name == name; });
}

OldCall without_lists(OldCall call) {
  call.segment_lengths.reset();
  call.dilation_rates.reset();
  return call;
}

void check_sample(const std::string& name, std::size_t every, std::size_t from) {
  for (const Recording& recording : sample(name, every, from)) {
    CAPTURE(recording.id);
    const auto identity = legacy::identify_recording(testing::anonymous(recording), testing::known_call(recording));
    CHECK(is_named(identity.found, recording.alias));
    REQUIRE(identity.found.second);
    CHECK(identity.found.second->fit.ratio > 1.0);
  }
}

}  // namespace

TEST_CASE("recordings of the rings and hybrids are identified without their names") { check_sample("legacy", 23, 4); }

TEST_CASE("recordings of the Hilbert classes are identified without their names") { check_sample("hilbert", 47, 5); }

TEST_CASE("one number changed by a hundredth is no match") {
  for (const Recording& recording : sample("legacy", 180, 11)) {
    CAPTURE(recording.id);
    UserRecording user = testing::anonymous(recording);
    at::Tensor& out = user.rank_outs.begin()->second;
    out = out.clone();
    const at::Tensor flat = out.view({-1});
    const at::Tensor large = at::where(at::isfinite(flat), flat.abs(), at::zeros_like(flat)) >= 0.01;
    const auto at = large.to(at::kInt).argmax().item<std::int64_t>();
    flat[at] *= 1.01;
    const auto identity = legacy::identify_recording(user, testing::known_call(recording));
    CHECK_FALSE(identity.found.is_identified());
    CHECK(identity.found.second->fit.ratio > 1.0);
  }
}

TEST_CASE("lists of classes that split heads over pairs are found from the numbers") {
  const std::vector<Recording> recordings = read_recordings(folder + "legacy");
  for (const char* id : {"base/w1/a/a1/full", "v2/w1/a/a1/causal", "production/w1/a/a1/full", "v3b/w1/d/d3/causal"}) {
    CAPTURE(id);
    const Recording& recording = find(recordings, id);
    const auto identity =
        legacy::identify_recording(testing::anonymous(recording), without_lists(testing::known_call(recording)));
    CHECK(is_named(identity.found, recording.alias));
  }
}

TEST_CASE("without ranks and causality these are tried, and what would decide is said where nothing fits") {
  const std::vector<Recording> recordings = read_recordings(folder + "legacy");
  const Recording& recording = find(recordings, "v2_collective/w2/a/a1/full");
  OldCall call = testing::known_call(recording);
  call.ranks.reset();
  call.ring_size.reset();
  call.is_causal.reset();
  UserRecording user = testing::anonymous(recording);
  const auto identity = legacy::identify_recording(user, call);
  REQUIRE(is_named(identity.found, "v2_collective"));
  CHECK(identity.found.matches.front().candidate.ranks == 2);
  CHECK_FALSE(identity.found.matches.front().candidate.is_causal);
  for (auto& [rank, out] : user.rank_outs) out = at::ones_like(out);
  const auto unknown = legacy::identify_recording(user, without_lists(call));
  CHECK_FALSE(unknown.found.is_identified());
  CHECK(std::count(unknown.missing.begin(), unknown.missing.end(), "segment_lengths") == 1);
  CHECK(std::count(unknown.missing.begin(), unknown.missing.end(), "ranks") == 1);
}

}  // namespace ringattn
