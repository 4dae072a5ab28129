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
/// A kernel that is given out has D_i = g_i·out_i of the rounded one. Per unit of the relative error of an element of
/// out, which errs independently of the others, D_i errs by ‖g_i ∘ out_i‖ and a row's elements have the root mean
/// square
///   dq_i: scale ‖g_i ∘ out_i‖·‖Σ_j p_ij k_j‖ / √dim,   dk_j: scale √(Σ_i (p_ij ‖g_i ∘ out_i‖·‖q_i‖)² / dim)
struct GradientSensitivity {
  at::Tensor query, key, value;
  at::Tensor query_to_out, key_to_out;
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
