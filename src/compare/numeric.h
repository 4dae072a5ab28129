#pragma once

#include "attention/interface.h"
#include "compare/bound.h"
#include "compare/verdict.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace ringattn {

// Judges a full result, out (batch, n, heads, dim) and lse (batch, heads, n), against an expected one. Rules:
// DESIGN 5.6.

/// Rows of one head and batch index that are judged together.
inline constexpr std::int64_t verdict_block_rows = 64;

/// Elementwise rule: |got - want| <= atol + rtol·|want|.
struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-5;
};

/// What the baseline of an oracle comparison is.
enum class BaselineKind {
  library_kernel,  ///< the direct library kernel, run outside plan and merge
  own_formula,     ///< an old implementation's formula in plain tensor operations of its dtype, dense, on one device
};

/// What judge_against_oracle may need beside result and oracle.
struct OracleContext {
  /// A result whose error is the yardstick. Optional for fp32 and fp64; bf16 and fp16 cannot be judged without
  /// `baseline.out`.
  Partial baseline{};
  BaselineKind baseline_kind = BaselineKind::library_kernel;
  /// bool, broadcastable to (batch, heads, n): rows that attend exactly one key. Low precision demands the exact
  /// rounded oracle value there (own_formula: that, or the baseline's own value). May be undefined: no row is checked
  /// so.
  at::Tensor single_key_rows{};
  /// Caps what fp32 and fp64 may err by; the default caps nothing.
  InputMagnitude inputs{};
  /// How ill-conditioned each row's logits are. May be undefined: no row is allowed more for it.
  RowSensitivity sensitivity{};
  /// The layers around the attention whose module's result `out` is; none: there are none, or they round nothing.
  std::optional<ProjectionMagnitude> projection{};
};

/// How many roundings of scale·‖q‖·‖k‖ a correct result may show. Out meets two: the sum of products (in vector lanes,
/// its partial sums are about ‖q‖·‖k‖/√dim, and each addition rounds one of them), and the scale with the subtraction
/// of the row's maximum. Lse meets two more, as it is such a number itself: the addition of the maximum, and merges.
/// Where the rules below needed it, LibTorch's kernel and rings of up to 8 ranks used at most 0.9 and 1.3 of them (dims
/// 16 to 128, normal, large_logits and one_huge_key inputs, five seeds each).
inline constexpr double out_roundings = 2.0;
inline constexpr double lse_roundings = 4.0;

/// `oracle` is fp64, of the result's shapes. The tier follows the result's dtype. `result.lse` may be undefined (an
/// implementation that returns none), then out alone is judged. With r = out_roundings or lse_roundings · u · the
/// row's sensitivity (bound.h), u = 2⁻²⁴ (fp64: 2⁻⁵³), 0 where that is undefined. For standard normal inputs r relaxes
/// nothing up to dim 64, and at dim 128 a few rows by an eighth:
///   fp32: in each block of 64 rows of a batch index and head,
///     |a-b| <= min(max(1e-5 + 1.3e-6·|b|, 2·max|baseline-b| there, r), bound)
///   fp64: |a-b| <= min(max(1e-12 + 1e-12·|b|, 2·r), 2·bound), as the oracle rounds too
///   bf16, fp16: worst block RMSE <= 2·luck·max(baseline's RMSE, f·RMS of the oracle in the block, f·RMS of
///     Σ_j p_j rms(v_j) there), f = 2⁻⁹ and 2⁻¹² (half the unit roundoff): the last as a ring rounds each step's
///     part of a row, and parts may be large where the row is small; what numbers may lose below the smallest normal
///     one (tier.h) is allowed in any case; |Δlse| <= max(1e-3, r) (own_formula: or twice the
///     baseline's error in the block), as logits are summed in fp32; single-key rows exact; luck (tensor_judge.h) is 1
///     but where the baseline's error in the block is of few independent numbers
/// Behind projections that round (context.projection), bound is projected_bound, the row's sensitivity is that of the
/// module, no row is exact, and in bf16 and fp16 |Δlse| may be twice the baseline's error in the block, whose logits
/// come from the same rounded queries and keys.
/// NaN and infinities must be the same at the same places in every tier. Wrong shapes and dtypes, and tensors without
/// elements, give a failing verdict with a reason. Cost: one pass over the tensors, a second one on failure.
NumericVerdict judge_against_oracle(const Partial& result, const Partial& oracle, const OracleContext& context);

/// Old against new, `got` being the old one: |a-b| <= atol + rtol·|b|; lse is judged where both have one. `against`
/// names the new one. `row_allowance`, fp64 (batch, n, heads), may be undefined: what out may differ by in any case.
NumericVerdict judge_tolerance(const Partial& got, const Partial& want, const Tolerance& tolerance,
                               const std::string& against, const at::Tensor& row_allowance = {});

/// What two right results of a module may differ by where neither rounds as the other does: twice what each row's
/// sensitivity allows one of them against the oracle. Undefined without projections that round.
at::Tensor allowed_between(const RowSensitivity& sensitivity, const std::optional<ProjectionMagnitude>& projection);

}  // namespace ringattn
