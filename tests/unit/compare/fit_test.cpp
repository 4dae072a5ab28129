#include "compare/fit.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>

// How near a result comes to a recording, and how a recording's results are read.

namespace ringattn {
namespace {

UserRecording recording_of(at::Tensor out) {
  UserRecording recording{.path = "made"};
  recording.inputs["query"] = at::zeros({1, 4, 1, 2});
  recording.out = std::move(out);
  return recording;
}

HypothesisResult ranks_of(std::vector<at::Tensor> outs) { return {.outs = std::move(outs)}; }

}  // namespace

TEST_CASE("the ratio is the largest error over its tolerance") {
  const at::Tensor want = at::tensor({1.0F, 0.0F, 100.0F});
  CHECK(fit_tensor(want, want, {}).ratio == 0.0);
  const Fit fit = fit_tensor(want + at::tensor({0.0F, 3e-5F, 0.0F}), want, {});
  CHECK(fit.ratio == doctest::Approx(3.0).epsilon(1e-3));
  CHECK_FALSE(fit.fits());
}

TEST_CASE("NaN and infinities must be at the same places") {
  const at::Tensor want = at::tensor({NAN, INFINITY, 1.0F});
  CHECK(fit_tensor(want, want, {}).fits());
  CHECK_FALSE(fit_tensor(at::tensor({1.0F, INFINITY, 1.0F}), want, {}).fits());
  CHECK_FALSE(fit_tensor(at::tensor({NAN, -INFINITY, 1.0F}), want, {}).fits());
  CHECK_FALSE(fit_tensor(at::tensor({NAN, INFINITY, NAN}), want, {}).fits());
}

TEST_CASE("out may be any rank's, or the ranks' own rows one after the other") {
  const at::Tensor whole = at::arange(8, at::kFloat).view({1, 4, 1, 2});
  const Fit of_rank = fit_recording(ranks_of({whole + 1, whole}), recording_of(whole), {});
  CHECK(of_rank.fits());
  CHECK(of_rank.words == "out is rank 1's");
  CHECK(fit_recording(ranks_of({whole.narrow(1, 0, 2), whole.narrow(1, 2, 2)}), recording_of(whole), {}).fits());
  const HypothesisResult function{.outs = {whole}, .is_whole = true};
  CHECK(fit_recording(function, recording_of(whole.narrow(1, 2, 2)), {}).fits());
  CHECK_FALSE(fit_recording(function, recording_of(whole + 1), {}).fits());
}

TEST_CASE("every rank's own result counts") {
  const at::Tensor whole = at::arange(8, at::kFloat).view({1, 4, 1, 2});
  UserRecording recording = recording_of({});
  recording.rank_outs = {{0, whole}, {1, whole + 1}};
  CHECK(fit_recording(ranks_of({whole, whole + 1}), recording, {}).fits());
  CHECK_FALSE(fit_recording(ranks_of({whole, whole}), recording, {}).fits());
  CHECK_FALSE(fit_recording(ranks_of({whole}), recording, {}).fits());
  // Ranks raced apart: each may be of another run.
  const std::vector<HypothesisResult> raced{ranks_of({whole, whole}), ranks_of({whole + 1, whole + 1})};
  CHECK(fit_recording(raced, recording, {}).fits());
}

TEST_CASE("low precision widens the tolerance, and says so") {
  UserRecording recording = recording_of(at::ones({1, 4, 1, 2}));
  CHECK(fit_tolerance(recording).relative == 1e-4);
  recording.dtype = at::kBFloat16;
  CHECK(fit_tolerance(recording).relative == doctest::Approx(8.0 / 512.0));
  CHECK(fit_tolerance(recording).absolute == doctest::Approx(8.0 / 512.0));
  CHECK(describe(fit_tolerance(recording), recording).find("bf16") != std::string::npos);
}

}  // namespace ringattn
