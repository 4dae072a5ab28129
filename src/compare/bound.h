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
  /// Σ_j p_j rms(v_j), what a row's result is an average of, as the function scales it: fp64 (batch, n, heads).
  /// Undefined behind projections that round.
  at::Tensor value{};
};

/// fp64 (batch, keys, key heads, 1), one more value column for the oracle: ‖v_j‖₂/√dim. What is not finite counts 0.
at::Tensor value_column(const at::Tensor& value);

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

/// How large x (batch, n, embed) and the layers around an attention are; (x, 1) and (W, b) where there are biases.
struct ProjectionMagnitude {
  std::int64_t terms = 1;       ///< E = embed + 1: what each number of a layer's result is a sum of
  double scale = 1.0;           ///< of the softmax
  double row = 0.0;             ///< X = max ‖x‖₂
  double query = 0.0;           ///< Q = max ‖q‖₂ of a head
  double key = 0.0;             ///< K, likewise
  double query_weight = 0.0;    ///< a_q = the largest Frobenius norm of one head's part of the layer
  double key_weight = 0.0;      ///< a_k, likewise
  double value_weight = 0.0;    ///< a_v = max ‖W_c‖₂ over the layer's channels c; over 1 - p with dropout p
  double out_weight = 0.0;      ///< a_o, likewise, of the output layer
  double out_weight_sum = 0.0;  ///< A_o = max Σ|W_c|
};

/// The bound on a module's result: `attention` is rounding_bound of the attention inside it. With γ(E) = 8·√E·u, each
/// projected number errs by at most γ(E)·Σ|x_e W_ce| <= γ(E)·‖x‖·‖W_c‖, so that
///   δ      = scale·γ(E)·X·(a_q·K + Q·a_k)                         a score, beyond the attention's own error
///   |Δlse| <= attention.lse + δ
///   |Δy|   <= A_o·(attention.out + 2·δ·V + γ(E)·X·a_v) + γ(E)·a_o·√(E·V² + 1)
/// the last term being the output layer's own sum. Four identities round nothing: don't ask.
ErrorBound projected_bound(const ErrorBound& attention, const InputMagnitude& inputs,
                           const ProjectionMagnitude& projection, double unit_roundoff);

/// What projected_sensitivity needs; fp64. An error norm is, per unit of the relative error of one addition, what the
/// sums of a layer err by where each of the E products is rounded by itself: √(Σ_e x_e² W_ce²) for channel c.
struct ProjectedRowFacts {
  at::Tensor query;  ///< (batch, rows, heads, dim)
  double softmax_scale = 1.0;
  at::Tensor out;  ///< the attention's, by the oracle: (batch, rows, heads, dim)
  /// The row's averages of ‖k_j‖, ‖k_j‖·V_j, κ_j, κ_j·V_j and ν_j: (batch, rows, heads, 5); V_j = max|v_j|, κ_j the
  /// 2-norm of the error norms of one head's key, ν_j the largest of its value's.
  at::Tensor columns;
  double divisor = 1.0;     ///< as in row_sensitivity
  at::Tensor query_errors;  ///< θ_i, the 2-norm of the error norms of one head's query: (batch, rows, heads)
  at::Tensor out_errors;    ///< the largest error norm of the output layer in each head's channels: likewise
  at::Tensor out_weight;    ///< (embed, embed)
};

/// row_sensitivity of a module's result. Errors of different numbers point in random directions, so that θ and κ move
/// a score by scale·(θ_i·‖k_j‖ + ‖q_i‖·κ_j)/√dim; beyond the attention's own,
///   lse: Σ_j p_j of that
///   out: Σ_j p_j of that times (V_j + max|out|), + Σ_j p_j ν_j
/// and the output layer hands them on: channel c errs by √(Σ_h (Σ_d W_chd²)·out_h²), its own sum by its error norm; the
/// largest of each head's channels. lse stays that of the attention.
RowSensitivity projected_sensitivity(const ProjectedRowFacts& facts);

}  // namespace ringattn
