#pragma once

#include "attention/interface.h"
#include "attention/oracle_gradient.h"
#include "compare/bound.h"
#include "compare/numeric.h"
#include "compare/verdict.h"

#include <cstdint>

namespace ringattn {

// Judges the gradients of a full result, dq (batch, rows, heads, dim), dk and dv (batch, n, key heads, dim), against
// the oracle's. Rules: DESIGN 5.6.

/// The largest errors that rounding can explain.
struct GradientBound {
  double query = std::numeric_limits<double>::infinity();
  double key = std::numeric_limits<double>::infinity();
  double value = std::numeric_limits<double>::infinity();
};

/// Rounding errors of gradients that recompute the weights from out and lse, in arithmetic of unit roundoff u. With
/// γ(m) = 8·√m·u, S, n, d and δ of rounding_bound, and `shared` query heads a key head, the relative errors are at most
///   of a weight p = e^{s - lse}:   ε = δ + |Δlse| + 4·u
///   of D = g·out:                  γ(d) + |Δout|/V, of the sum of its terms' sizes
///   of g·v, and its sum with D:    γ(d) + 2·u, likewise
/// and the sums over m keys or queries add γ(m). A row's sensitivity (GradientSensitivity) holds each of these terms'
/// sizes once, so that with its largest in each tensor
///   |Δdq| <= (ε + 2·γ(d) + |Δout|/V + 2·u + γ(n)) · largest,  dk the same with γ(shared·n),
///   |Δdv| <= (ε + γ(shared·n) + 2·u) · largest
/// and each of the terms may be lost below the smallest normal number: + shared·n · 2⁻¹²⁶ (fp64: 2⁻¹⁰²²). Infinity
/// where the sensitivity is undefined or the magnitude unknown.
GradientBound gradient_bound(const InputMagnitude& inputs, const GradientSensitivity& sensitivity, std::int64_t shared,
                             double unit_roundoff);

/// What judge_gradients may need beside result and oracle.
struct GradientContext {
  /// Gradients whose error is the yardstick. Optional for fp32 and fp64.
  Gradients baseline{};
  GradientSensitivity sensitivity{};  ///< of each row to rounding; may be undefined: no row is allowed more for it
  InputMagnitude inputs{};            ///< caps what fp32 and fp64 may err by; the default caps nothing
  std::int64_t shared = 1;            ///< query heads a key head
};

/// How many roundings of a row's sensitivity a correct gradient may show. The sensitivity holds a logit's size a once
/// for each of its weights. A rounding to nearest errs by 0.4·u of the number (root mean square), and a logit s is made
/// of one for the scale, one where lse is kept, which is as large as the row's largest s, and dim of them in the
/// product, whose partial sums grow to s: 0.4·u·√(Σ_m (m·s/dim)²) = 0.4·u·√(dim/3)·s. Of rows that know nothing of each
/// other s = z·a/√dim, so that at the largest of a few thousand logits (z = 3 to 4, dim = 32)
///   the product 0.7 to 0.9,   scale and lse 0.2 to 0.3 each:   together 0.75 to 1.0 · u·a
/// once in the weight and once, by lse and out, in D: √2 times that, 1.1 to 1.4. In small dims a logit may be as large
/// as a, and each rounding of it counts whole: at dim 4 the product's 0.45, the scale's and one or two of lse, 0.4
/// each, come to 0.7 to 0.85, with D to 1.0 to 1.2, and a ring's merges round lse again. One rounding is thus less than
/// a row with a single large weight may be expected to show; four are 2.8 to 4 standard deviations of it, for the
/// largest of many such rows. Where several weights count their errors add up as √m, their sensitivities as m. Where
/// the rules below needed it, rings of up to 8 ranks used at most 1.1 at dim 32 (normal, large_logits and one_huge_key
/// inputs), and 2.4 at dim 4 in some ten thousand random cases.
inline constexpr double gradient_roundings = 4.0;

/// `oracle` is fp64, of the result's shapes. The tier follows the result's dtype. With r = gradient_roundings · u · the
/// row's sensitivity, u = 2⁻²⁴ (fp64: 2⁻⁵³), and bound = gradient_bound,
///   fp32: in each block of 64 rows of a batch index and head,
///     |a-b| <= min(max(1e-5 + 1.3e-6·|b|, 2·max|baseline-b| there, r), bound)
///   fp64: |a-b| <= min(max(1e-12 + 1e-12·|b|, 2·r), 2·bound), as the oracle rounds too
///   bf16, fp16: worst block RMSE <= 2·luck·max(baseline's RMSE, f·RMS of the oracle in the block, RMS there of
///     √(r² + (2·f·t)²)), f = 2⁻⁹ and 2⁻¹² (half the unit roundoff): r as sums are in fp32, and a gradient may be
///     what is left where large terms cancel, such as dq of a row with one key; t, what a row's rounding in its type
///     comes to (*_in_type), as that makes the larger part of the error where weights are few, D cancels g·v, or parts
///     of a sum cancel each other. A number errs by 0.4 · 2·f (root mean square), so that the limit of a block with a
///     single such row is five times what it may expect: with few rows in a block the baseline's own error is no
///     measure of it. What numbers may lose below the smallest normal one (tier.h) is allowed in any case
/// NaN and infinities must be the same at the same places. Wrong shapes and dtypes give a failing verdict with a
/// reason; tensors without elements pass. Cost: one pass over the tensors, a second one on failure.
NumericVerdict judge_gradients(const Gradients& result, const Gradients& oracle, const GradientContext& context);

/// Elementwise by the user's tolerance, as judge_tolerance.
NumericVerdict judge_gradient_tolerance(const Gradients& got, const Gradients& want, const Tolerance& tolerance,
                                        const std::string& against);

/// One verdict on forward and backward: passes where both do.
NumericVerdict joined(NumericVerdict forward, const NumericVerdict& gradients);

}  // namespace ringattn
