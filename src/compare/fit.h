#pragma once

#include "compare/user_recording.h"

#include <ATen/core/Tensor.h>

#include <limits>
#include <string>
#include <vector>

namespace ringattn {

/// What a candidate gives for the recorded inputs.
struct HypothesisResult {
  std::vector<at::Tensor> outs{};  ///< by rank; one alone where is_whole
  bool is_whole = false;           ///< a function of the whole sequence, whoever holds which rows
  at::Tensor lse{};                ///< (batch, heads, n), of a function with one; undefined: none
  std::string refused{};           ///< why there is none: it raised, or cannot run on this
};

/// |a - b| <= absolute + relative·|b| + of_row·(the largest finite |b| of the row) for a recording b.
struct FitTolerance {
  double absolute = 1e-5;
  double relative = 1e-4;
  double of_row = 0.0;
};
/// fp32 and fp64: as above. bf16 and fp16, u = 2⁻⁹ and 2⁻¹² (half the unit roundoff, twice of it being the step): 8 u
/// relative, and 8 u times the recording's root mean square absolute, as scores, weights and sums were rounded, too.
FitTolerance fit_tolerance(const UserRecording& recording);
/// The tolerance in words.
std::string describe(const FitTolerance& tolerance, const UserRecording& recording);

/// How near a candidate comes: 1 and below is within the tolerance everywhere.
struct Fit {
  double ratio = std::numeric_limits<double>::infinity();  ///< the largest |error| / tolerance; NaN at one side: inf
  std::string words{};                                     ///< why it cannot fit, or which rank's result `out` is
  bool fits() const { return ratio <= 1.0; }
};

/// Elements of one shape. NaN and infinities must be at the same places. Infinity with a reason for other shapes.
Fit fit_tensor(const at::Tensor& got, const at::Tensor& want, const FitTolerance& tolerance);

/// All that the recording holds. `out` may be any rank's whole sequence, the ranks' own rows one after the other, or
/// one rank's own rows; out.rankR is rank R's.
Fit fit_recording(const HypothesisResult& got, const UserRecording& recording, const FitTolerance& tolerance);

/// Several runs of one candidate, where a race decided what each rank saw: each rank's best, as ranks raced apart.
Fit fit_recording(const std::vector<HypothesisResult>& raced, const UserRecording& recording,
                  const FitTolerance& tolerance);

}  // namespace ringattn
