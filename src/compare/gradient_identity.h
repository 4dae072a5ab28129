#pragma once

#include "compare/identify.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What recorded gradients turned out to be.
enum class GradientVerdict {
  right,       ///< those of the function that the recording is
  named,       ///< not those, but what `name` says
  unexplained  ///< none of what was tried
};
std::string_view to_string(GradientVerdict verdict);

struct GradientIdentity {
  GradientVerdict verdict = GradientVerdict::unexplained;
  /// named: "as_released", "own_part", "misplaced", "zero", "scaled"; right: "".
  std::string name{};
  std::string words{};  ///< one sentence
  /// Largest error / tolerance of dq, dk and dv against what it is, or, unexplained, against the function's; none: that
  /// one was not recorded.
  std::array<std::optional<double>, 3> ratios{};
};

/// The tolerance of a gradient: relative to itself and its root mean square alone, as losses have any scale; 1e-4 of
/// both for fp32, 32 roundings for bf16 and fp16.
FitTolerance gradient_tolerance(const at::Tensor& want, at::ScalarType dtype);

/// Judges the recorded gradients by what the recording was identified as, likeliest first: the derivatives of the
/// function (evaluate_oracle_gradient); those that the released class gave, where a match is one; on each of `ranks` >
/// 1 ranks, derivatives whose keys and values lack what other ranks' queries give, or have it in another rank's rows;
/// zeros; the function's derivatives times one constant each. None where no gradients are there, or no match that has
/// any.
std::optional<GradientIdentity> identify_gradients(const UserRecording& recording, const std::vector<Judged>& matches,
                                                   const std::vector<int>& ranks);

}  // namespace ringattn
