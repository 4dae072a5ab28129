#include "../support/user_recordings.h"
#include "attention/oracle_gradient.h"
#include "compare/gradient_identity.h"
#include "legacy/identify_recording.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// Which gradients a user recorded: from numbers that the original Python gave, and from numbers that are made here.

namespace ringattn {
namespace {

const Recording& recorded(const std::string& id) {
  static const std::vector<Recording> all =
      read_recordings(std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/gradients");
  const auto found = std::find_if(all.begin(), all.end(), [&](const Recording& r) { return r.id == id; });
  REQUIRE(found != all.end());
  return *found;
}

/// Its owner's recording, gradients added up over the ranks.
UserRecording owned(const Recording& recording) {
  UserRecording user = testing::anonymous(recording);
  user.gradients.grad_out = recording.gradient->grad_out;
  const auto sum = [&](const char* name) {
    at::Tensor all = at::zeros_like(recording.inputs.at(name));
    for (const TensorsByName& rank : recording.gradient->ranks) all += rank.at(name);
    return all;
  };
  user.gradients.query = sum("query");
  user.gradients.key = sum("key");
  user.gradients.value = sum("value");
  return user;
}

GradientIdentity identity(const UserRecording& user, const OldCall& call) {
  at::set_num_threads(1);
  const legacy::RecordingIdentity found = legacy::identify_recording(user, call, {});
  REQUIRE(found.found.is_identified());
  const auto gradients = identify_gradients(user, found.found.matches, found.ranks);
  REQUIRE(gradients.has_value());
  return *gradients;
}

GradientIdentity identity(const Recording& recording) {
  return identity(owned(recording), testing::known_call(recording));
}

}  // namespace

TEST_CASE("gradients of the originals: right, lacking what other ranks' queries give, or what the class alone gave") {
  CHECK(identity(recorded("base/w1/a/a1/full")).verdict == GradientVerdict::right);
  CHECK(identity(recorded("base/w1/a/a1/causal")).verdict == GradientVerdict::right);

  const GradientIdentity simple = identity(recorded("v2_simple/w2/a/a1/full"));
  CHECK(simple.verdict == GradientVerdict::named);
  CHECK(simple.name == "as_released");
  CHECK(simple.words.find("received keys and values are constants") != std::string::npos);

  const GradientIdentity production = identity(recorded("production/w1/a/a1/full"));
  CHECK(production.verdict == GradientVerdict::named);
  CHECK(production.words.find("written one over the other") != std::string::npos);
}

TEST_CASE("made gradients: the other ranks' part missing, averaged over ranks, zero, one of three, and nothing known") {
  const Recording& recording = recorded("v2_simple/w1/a/a1/full");
  const OldCall call = testing::known_call(recording);
  const UserRecording right = owned(recording);

  UserRecording user = right;
  user.gradients.query = right.gradients.query * 0.25;
  user.gradients.key = right.gradients.key * 0.25;
  user.gradients.value = right.gradients.value * 0.25;
  GradientIdentity found = identity(user, call);
  CHECK(found.name == "scaled");
  CHECK(found.words.find("dk is 0.25 times") != std::string::npos);

  user = right;
  for (at::Tensor* tensor : {&user.gradients.query, &user.gradients.key, &user.gradients.value})
    *tensor = at::zeros_like(*tensor);
  CHECK(identity(user, call).name == "zero");

  user = right;
  user.gradients.query = at::Tensor();
  user.gradients.value = at::Tensor();
  found = identity(user, call);
  CHECK(found.verdict == GradientVerdict::right);
  CHECK_FALSE(found.ratios[0].has_value());
  CHECK(*found.ratios[1] <= 1.0);

  user.gradients.key = right.gradients.key.clone();
  user.gradients.key[0][5][1][2] *= 1.01;
  found = identity(user, call);
  CHECK(found.verdict == GradientVerdict::unexplained);
  CHECK(*found.ratios[1] > 1.0);

  // The small gradients of a mean are judged as strictly as others.
  user = right;
  user.gradients.grad_out = right.gradients.grad_out * 1e-7;
  user.gradients.query = at::Tensor();
  user.gradients.key = right.gradients.key * 1e-7;
  user.gradients.value = right.gradients.value * 1e-7;
  CHECK(identity(user, call).verdict == GradientVerdict::right);
  user.gradients.value[0][3][0][1] *= 1.01;
  CHECK(identity(user, call).verdict == GradientVerdict::unexplained);
}

TEST_CASE("of a function alone, keys and values that lack the other ranks' part are named with the number of ranks") {
  const Recording& recording = recorded("v2_simple/w1/a/a1/full");
  UserRecording user = owned(recording);
  const std::int64_t n = user.seq_len(), half = n / 2;
  for (const std::int64_t first : {std::int64_t{0}, half}) {
    // What a rank's own queries give to its own keys.
    std::vector<std::int64_t> rows;
    for (std::int64_t row = first; row < first + half; ++row) rows.push_back(row);
    AttentionFunction dense{
        .axes = axes_of(PatternName::dense), .pairs = {{n, 1}}, .seq_len = n, .heads = user.heads()};
    const at::Tensor index = at::tensor(rows, at::kLong);
    const OracleGradient own =
        evaluate_oracle_gradient(dense, user.inputs.at("query"), user.inputs.at("key"), user.inputs.at("value"),
                                 user.gradients.grad_out.index_select(1, index), {.query_rows = rows});
    user.gradients.key.index_copy_(1, index, own.key.index_select(1, index).to(at::kFloat));
    user.gradients.value.index_copy_(1, index, own.value.index_select(1, index).to(at::kFloat));
  }
  std::vector<Judged> matches = legacy::identify_recording(user, testing::known_call(recording), {}).found.matches;
  std::erase_if(matches, [](const Judged& match) { return match.candidate.kind == HypothesisKind::as_shipped; });
  const auto found = identify_gradients(user, matches, {1, 3, 2, 4});
  REQUIRE(found.has_value());
  CHECK(found->name == "own_part");
  CHECK(found->words.find("of 2 ranks") != std::string::npos);
}

}  // namespace ringattn
