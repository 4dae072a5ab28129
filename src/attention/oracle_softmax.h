#pragma once

#include <ATen/core/Tensor.h>

namespace ringattn::oracle {

/// Some keys for a block of query rows; fp64 on one device.
struct KeyBlock {
  at::Tensor weight;    ///< (rows, keys): how often each row counts each key
  at::Tensor key;       ///< (batch, heads, keys, dim)
  at::Tensor value;     ///< (batch, heads, keys, value dim)
  at::Tensor bias{};    ///< added to the scaled scores, broadcastable to them; -inf hides the key; undefined: none
  at::Tensor factor{};  ///< (batch, heads, rows, keys): what the normalised weights are multiplied by, 0 where they are
                        ///< dropped; undefined: 1
};

/// weight · value over the rows of `value`, where a value that is not finite reaches only the results that it counts
/// for: 0 · NaN must not. weight: (batch, heads, results, rows); value: (batch, heads, rows, dim); counts: bool,
/// broadcastable to the weights.
at::Tensor weighted_sum(const at::Tensor& weight, const at::Tensor& counts, const at::Tensor& value);

/// The running softmax of a block of query rows, in fp64: m = max s, z = Σ c e^{s-m}, U = Σ c f e^{s-m} v over the keys
/// seen so far; f: the factor of KeyBlock.
class SoftmaxState {
 public:
  /// query: (batch, heads, rows, dim), fp64.
  SoftmaxState(at::Tensor query, double softmax_scale);

  /// Adds keys. A key of weight 0, hidden or dropped has no influence through its value, and one of weight 0 or hidden
  /// none at all, even if it or its value is NaN or Inf.
  void add(const KeyBlock& keys);

  /// What the sum of all added keys makes of some of them.
  struct Weights {
    at::Tensor probability;  ///< c e^{s-m} / z, (batch, heads, rows, keys), without the factor; 0 where none counts
    at::Tensor counts;       ///< bool, broadcastable to the probability: of weight > 0 and not hidden
  };
  Weights weights(const KeyBlock& keys) const;

  /// Whether any key was added; out and lse want one.
  bool started() const { return maximum_.defined(); }
  /// U / z, (batch, heads, rows, value dim); 0 for a row that counted no key.
  at::Tensor out() const;
  /// m + log z, (batch, heads, rows); -inf for a row that counted no key.
  at::Tensor lse() const;

  const at::Tensor& query() const { return query_; }
  double softmax_scale() const { return softmax_scale_; }

 private:
  /// s, -inf where the key does not count.
  struct Scores {
    at::Tensor score, counts;
  };
  Scores scores(const KeyBlock& keys) const;

  at::Tensor query_;
  double softmax_scale_;
  at::Tensor maximum_, sum_, weighted_;  ///< (batch, heads, rows, 1 | 1 | value dim)
};

}  // namespace ringattn::oracle
