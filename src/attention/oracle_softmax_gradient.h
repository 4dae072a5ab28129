#pragma once

#include "attention/oracle_softmax.h"

#include <ATen/core/Tensor.h>

namespace ringattn::oracle {

/// What some query rows contribute to the gradients of some keys; (batch, heads, keys, dim | value dim), and to how
/// they react to rounding (GradientSensitivity; squared where squares add up), (batch, heads, keys, 1).
struct KeyGradients {
  at::Tensor key;
  at::Tensor value;
  at::Tensor key_sensitivity{};
  at::Tensor value_sensitivity{};
  at::Tensor key_in_type_squared{};
  at::Tensor value_in_type_squared{};
};

/// What is wanted of a block of keys.
struct KeyWish {
  bool gradients = true;     ///< of the keys; else those of the queries alone
  bool sensitivity = false;  ///< of both
};

/// The derivatives of a loss after one softmax of a block of query rows, in fp64. With p = c e^{s-m} / z, s = scale ·
/// q·k + bias, out = Σ f p v and g the derivative of the loss after out:
///   ∂p_j = f_j g·v_j,   D = Σ_j p_j ∂p_j = g·out,   ∂s_j = p_j (∂p_j - D),
///   dq = scale Σ_j ∂s_j k_j,   dk_j = scale Σ_i ∂s_ij q_i,   dv_j = Σ_i f_ij p_ij g_i.
/// A row without key, and a key that does not count for a row, contribute nothing, whatever their numbers are.
class SoftmaxGradient {
 public:
  /// `state` has seen all keys of its rows; grad_out: (batch, heads, rows, value dim), fp64. For the sensitivity the
  /// values have ‖v_j‖ as one more column, their last, and grad_out is 0 there.
  SoftmaxGradient(const SoftmaxState& state, at::Tensor grad_out);

  /// Adds some of the state's keys to dq, each once; returns what the rows contribute to those keys, undefined where
  /// it is not wanted.
  KeyGradients add(const KeyBlock& keys, const KeyWish& wish);

  /// (batch, heads, rows, dim).
  const at::Tensor& query() const { return query_; }
  /// (batch, heads, rows, 1); undefined where it never was wanted.
  const at::Tensor& query_sensitivity() const { return query_sensitivity_; }
  /// The same; of all keys that were added.
  at::Tensor query_in_type() const;

 private:
  /// What the sums over a block of keys are made of.
  struct Block {
    at::Tensor probability, factored;  ///< p, f p
    at::Tensor weight_gradient;        ///< f g·v
    at::Tensor counts;
  };
  /// Adds to the query's sensitivity and returns the keys' in a result without gradients.
  KeyGradients add_sensitivity(const KeyBlock& keys, const Block& block, bool of_keys);
  /// Adds the squares of the terms of the sums to *_in_type. `score_gradient`: scale · ∂s; `kept`: which values count.
  void add_terms(const KeyBlock& keys, const Block& block, const at::Tensor& score_gradient, const at::Tensor& kept,
                 KeyGradients* of_keys);

  const SoftmaxState& state_;
  at::Tensor grad_out_;
  at::Tensor out_;
  at::Tensor mean_;  ///< D, (batch, heads, rows, 1)
  at::Tensor query_;
  at::Tensor query_sensitivity_;
  at::Tensor out_error_;      ///< ‖g ∘ out‖, (batch, heads, rows, 1)
  at::Tensor key_mean_;       ///< Σ_j p_j k_j, as query_
  at::Tensor terms_squared_;  ///< of query_in_type, (batch, heads, rows, 1)
};

}  // namespace ringattn::oracle
