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
