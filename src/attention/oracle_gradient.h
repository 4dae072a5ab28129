#pragma once

#include "attention/oracle.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace ringattn {

/// How far rounding may move the largest element of each row of dq, dk and dv, per unit of the relative error of one
/// product: (batch, rows, heads or key heads), fp64. A kernel's logit s_ij errs by a multiple of u·a_ij, a_ij = scale ·
/// ‖q_i‖·‖k_j‖, and its products with grad_out by one of u·‖g_i‖·‖v_j‖, however much of either sum cancels, so that to
/// first order, with the letters of evaluate_oracle_gradient and w_i = ‖g_i‖ Σ_j f_ij p_ij ‖v_j‖,
///   W_ij = p_ij ((|f_ij g_i·v_j| + |D_i|) a_ij + f_ij ‖g_i‖·‖v_j‖ + w_i)
///   dq_i: scale Σ_j W_ij max|k_j|,   dk_j: scale Σ_i W_ij max|q_i|,   dv_j: Σ_i f_ij p_ij (a_ij + 1) max|g_i|
/// Kernels round to the inputs' type in two places, each number by itself. They are given out, so that D_i = g_i·out_i
/// is that of the rounded one: per unit of the relative error of an element of out D_i errs by ‖g_i ∘ out_i‖. And the
/// weights of a sum are rounded, as are the sums of parts of the row where a ring adds them up: of terms with signs of
/// their own both err as the root of the sum of squares of the terms does, however small their sum is. Per unit of the
/// relative errors of out and, half squared, of those, a row's elements have the mean square
///   dq_i: scale² (‖g_i ∘ out_i‖²·‖Σ_j p_ij k_j‖² + Σ_j ∂s_ij² ‖k_j‖² / 2) / dim,
///   dk_j: scale² Σ_i (p_ij² ‖g_i ∘ out_i‖² + ∂s_ij² / 2)·‖q_i‖² / dim,   dv_j: Σ_i f_ij² p_ij² ‖g_i‖² / (2 · value
///   dim),
/// ∂s_ij = p_ij (f_ij g_i·v_j - D_i); their roots are *_in_type.
struct GradientSensitivity {
  at::Tensor query, key, value;
  at::Tensor query_in_type, key_in_type, value_in_type;
};

/// Derivatives of a loss after query, key and value; fp64, on the device of the query.
struct OracleGradient {
  at::Tensor query;                   ///< (batch, rows of options.query_rows or n, heads, dim)
  at::Tensor key;                     ///< (batch, n or chosen rows, key heads, dim)
  at::Tensor value;                   ///< (batch, n or chosen rows, key heads, value dim)
  GradientSensitivity sensitivity{};  ///< undefined unless it was asked for
};

/// What is wanted of a gradient.
struct GradientWish {
  std::vector<std::int64_t> key_rows{};  ///< positions of the rows of dk and dv, ascending, each once
  /// Positions, ascending, each once, of the keys whose pairs with the queries are added up; a pair with another key
  /// adds nothing to dq, dk and dv, while p_ij and D_i are those of all keys. So results for disjoint sets of keys add
  /// up to that of all. None: all keys.
  std::optional<std::vector<std::int64_t>> summed_keys{};
  bool sensitivity = false;
};

/// The gradients of evaluate_oracle's out, by formula, from the same predicate. For the pairs that share a softmax,
/// with p_ij = c_ij e^{s_ij} / Σ_j c_ij e^{s_ij}, s_ij = scale · q_i·k_j + mask_ij, f_ij the factor of dropout, g_i =
/// grad_out_i times 1/G where the join divides (groups, mean), and D_i = Σ_j f_ij p_ij g_i·v_j:
///   dq_i = scale Σ_j p_ij (f_ij g_i·v_j - D_i) k_j
///   dk_j = scale Σ_i p_ij (f_ij g_i·v_j - D_i) q_i
///   dv_j = Σ_i f_ij p_ij g_i
/// added up over the softmaxes of a row (join mean) and, in dk and dv, over the query heads that read a key head.
/// query, key, value as for evaluate_oracle; grad_out: (batch, rows of options.query_rows or n, heads, value dim), any
/// floating dtype. With query_rows, dk and dv are what those queries contribute: all there is where the other rows of
/// grad_out are 0. A row without key has dq 0 and contributes nothing; keys that a row does not attend, queries without
/// key and their grad_out have no influence, NaN and Inf included.
/// Cost: that of evaluate_oracle and 10·dim FLOP and one exp more for each (row, head, key); memory: the results, query
/// and two results of its rows in fp64, and four times evaluate_oracle's scores. Errors: UsageError (shapes, rows,
/// mask, function, defects that are more than other key weights).
OracleGradient evaluate_oracle_gradient(const AttentionFunction& function, const at::Tensor& query,
                                        const at::Tensor& key, const at::Tensor& value, const at::Tensor& grad_out,
                                        const OracleOptions& options = {});

/// The same when nobody holds all keys: `query` and `grad_out` have only the rows of options.query_rows (all n if that
/// is empty), `keys` is asked for each chunk of at most block_keys positions twice (ascending, and ascending again),
/// and dk and dv have the rows wish.key_rows alone. The sensitivity costs about half as much again.
OracleGradient evaluate_oracle_gradient(const AttentionFunction& function, const at::Tensor& query,
                                        const KeyValueSource& keys, const at::Tensor& grad_out,
                                        const GradientWish& wish, const OracleOptions& options = {});

}  // namespace ringattn
