#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>

namespace ringattn {

/// How large the inputs are; enough to bound the rounding error of any correct attention over them.
struct InputMagnitude {
  double score =
      std::numeric_limits<double>::infinity();  ///< S = scale·max‖q‖₂·max‖k‖₂ >= scale·Σ|q_c·k_c|, scale = 1/√dim
  double value = std::numeric_limits<double>::infinity();  ///< V = max |v|
  std::int64_t keys = 1;                                   ///< the most keys that one query attends: n
  std::int64_t head_dim = 1;
};

/// Reads the magnitude of query, key and value (batch, n, heads, dim), any floating dtype. The heads of key and value
/// may be fewer.
InputMagnitude input_magnitude(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

/// How far rounding moves one row's lse and out, per unit of the relative error of its logits.
struct RowSensitivity {
  at::Tensor out;  ///< fp64 (batch, n, heads)
  at::Tensor lse;  ///< fp64 (batch, heads, n); undefined where the result has none
};

/// fp64 (batch, keys, key heads, 2), two more value columns for the oracle: ‖k_j‖₂ and ‖k_j‖₂·max_d|v_jd|. What is not
/// finite counts 0.
at::Tensor sensitivity_columns(const at::Tensor& key, const at::Tensor& value);

/// A kernel's logit s_j = scale·q·k_j errs by a multiple of u·scale·‖q‖·‖k_j‖ >= u·scale·Σ_c|q_c k_jc|, however much of
/// the sum cancels. To first order lse moves by Σ_j p_j Δs_j and out by Σ_j p_j Δs_j (v_j - out), so per unit of that
/// multiple of u, with p the row's own softmax weights, whose averages of the sensitivity_columns are `columns`:
///   lse: scale·‖q‖·Σ_j p_j ‖k_j‖
///   out: scale·‖q‖·(Σ_j p_j ‖k_j‖·max_d|v_jd| + max_d|out_d|·Σ_j p_j ‖k_j‖)
/// query and out: (batch, rows, heads, dim), out by the oracle; columns: (batch, rows, heads, 2). `divisor` is G where
/// the function divides its results (join groups), which lse doesn't share, else 1. Under join mean everything is
/// averaged over the pairs, which is an estimate; it has no lse.
RowSensitivity row_sensitivity(const at::Tensor& query, double softmax_scale, const at::Tensor& out,
                               const at::Tensor& columns, double divisor);

/// The largest absolute error that rounding can explain.
struct ErrorBound {
  double out = std::numeric_limits<double>::infinity();
  double lse = std::numeric_limits<double>::infinity();
};

/// Rounding error of a softmax-weighted average in arithmetic of unit roundoff u (fp32: 2⁻²⁴). A sum of m rounded terms
/// errs by at most γ(m) = 8·√m·u of Σ|terms|, except with a probability of about 2·exp(-32) (Higham and Mary 2019, λ =
/// 8). With S, V, n, d from `inputs`:
///   δ      = γ(d + 2)·S + 2·u·S + 4·u    a score: dot product and scale, the argument s - max (at most 2S), exp
///   |Δlse| <= δ + γ(n) + u·(S + ln n)    a relative error of the denominator is an absolute one of its logarithm;
///   rounding that |Δout| <= (2·δ + 2·γ(n) + 4·u)·V     weights p(1 + ε), |ε| <= δ, above and below the fraction bar;
///   both sums; the division
/// Inputs that are not finite give a bound of infinity.
ErrorBound rounding_bound(const InputMagnitude& inputs, double unit_roundoff);

}  // namespace ringattn
