#pragma once

#include <ATen/core/Tensor.h>

namespace ringattn::oracle {

/// The running softmax of a block of query rows, in fp64: m = max s, z = Σ c e^{s-m}, U = Σ c e^{s-m} v over the keys
/// seen so far.
class SoftmaxState {
 public:
  /// query: (batch, heads, rows, dim), fp64.
  SoftmaxState(at::Tensor query, double softmax_scale);

  /// Adds keys: weight (rows, keys) fp64, how often each row counts each key; key and value (batch, heads, keys, dim)
  /// fp64. A key of weight 0 has no influence on the row, even if it or its value is NaN or Inf.
  void add(const at::Tensor& weight, const at::Tensor& key, const at::Tensor& value);

  /// Whether any key was added; out and lse want one.
  bool started() const { return maximum_.defined(); }
  /// U / z, (batch, heads, rows, value dim); 0 for a row that counted no key.
  at::Tensor out() const;
  /// m + log z, (batch, heads, rows); -inf for a row that counted no key.
  at::Tensor lse() const;

 private:
  at::Tensor query_;
  double softmax_scale_;
  at::Tensor maximum_, sum_, weighted_;  ///< (batch, heads, rows, 1 | 1 | value dim)
};

}  // namespace ringattn::oracle
