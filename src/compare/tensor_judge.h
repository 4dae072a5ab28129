#pragma once

#include "compare/scan.h"
#include "compare/verdict.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace ringattn {

/// What one tensor of a result must satisfy, in each block of rows of a batch index and head.
struct TensorRule {
  /// Elementwise: |got - want| <= min(max(atol + rtol·|want|, 2·max|baseline - want| in the block, row_allowance),
  /// cap).
  ElementLimit element{};
  bool baseline_relaxes = false;  ///< whether the baseline's error counts there
  /// fp64 (batch, n, heads): what a row may err by in any case, within the cap; undefined or NaN: nothing.
  at::Tensor row_allowance{};
  /// By RMSE instead: RMSE <= 2·max(luck·max(baseline's RMSE, rmse_floor·RMS of want), rmse_lost), elementwise only for
  /// what is not finite; luck is 1 but where the baseline has few errors (luck_of).
  /// With rmse_terms, fp64 (batch, n, heads), the RMS of these numbers instead, one a row: how large the terms are that
  /// want is an average of. A ring rounds parts of the average, which may be larger than all of it.
  bool by_rmse = false;
  double rmse_floor = 0.0;
  double rmse_lost = 0.0;
  at::Tensor rmse_terms{};
  /// bool (batch, n, heads): rows where got must be `want` rounded to got's dtype, or 0 for a subnormal number;
  /// undefined: none.
  at::Tensor exact_rows{};
  bool baseline_is_exact_too = false;  ///< there, the baseline's value is accepted as well
};

/// How much larger than a yardstick of ν independent errors the RMSE of a result may be that errs as the yardstick
/// does. The quotient of two such mean squares is distributed as F(ν, ν), whose root exceeds e^{4.75/√ν} once in a
/// million for ν of 8 and more; right results have 1.2 times the yardstick's RMSE at most, so that twice is enough down
/// to ν of 86, and below it
///   luck = 0.6 · e^{4.75/√ν},   ν = 3·(Σe²)² / Σe⁴ · min(1, Σe² / Σ_rows (Σ_dims e)²),   at most Σ 1:
/// fewer where some errors are much larger than others, and where those of one row are all alike.
double luck_of(const ErrorSums& yardstick);

/// Judges `got` against `want`, both (batch, n, heads, dim); `has_dim` is false for lse, then dim is 1 and indices
/// carry none. `baseline` may be undefined where the rule does not use it. Equal shapes are the caller's business.
TensorVerdict judge_tensor(const std::string& name, const at::Tensor& got, const at::Tensor& want,
                           const at::Tensor& baseline, const TensorRule& rule, bool has_dim);

/// Statistics of both sides and the histogram of errors, for a failing verdict.
FailureDetails failure_details(const at::Tensor& got, const at::Tensor& want, bool has_dim);

}  // namespace ringattn
