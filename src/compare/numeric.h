#pragma once

#include "attention/interface.h"
#include "compare/bound.h"
#include "compare/verdict.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

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
};

/// `oracle` is fp64, of the result's shapes. The tier follows the result's dtype. `result.lse` may be undefined (an
/// implementation that returns none), then out alone is judged.
///   fp32: in each block of 64 rows of a batch index and head, |a-b| <= min(max(1e-5 + 1.3e-6·|b|, 2·max|baseline-b|
///   there), bound) fp64: |a-b| <= min(1e-12 + 1e-12·|b|, 2·bound), as the oracle rounds too bf16, fp16: worst block
///   RMSE <= 2·max(baseline's RMSE, f/2·RMS of the oracle in the block), f = 2⁻⁹ and 2⁻¹² (half the unit
///     roundoff); |Δlse| <= 1e-3 (own_formula: or twice the baseline's error in the block); single-key rows exact
/// NaN and infinities must be the same at the same places in every tier. Wrong shapes and dtypes, and tensors without
/// elements, give a failing verdict with a reason. Cost: one pass over the tensors, a second one on failure.
NumericVerdict judge_against_oracle(const Partial& result, const Partial& oracle, const OracleContext& context);

/// Old against new, `got` being the old one: |a-b| <= atol + rtol·|b|; lse is judged where both have one. `against`
/// names the new one.
NumericVerdict judge_tolerance(const Partial& got, const Partial& want, const Tolerance& tolerance,
                               const std::string& against);

}  // namespace ringattn
