#pragma once

#include <ATen/core/Tensor.h>

// How the released classes joined what a row got from several chunks of keys: right ones and wrong ones.

namespace ringattn::legacy {

/// What one chunk gives: normalised `out` (batch, rows, heads, dim) and `lse` (batch, heads, rows). A row that sees
/// nothing has out NaN and lse -inf.
struct ChunkResult {
  at::Tensor out;
  at::Tensor lse;
};

/// The released attention with logsumexp. `visible`: (rows, keys) or broadcastable to (batch, heads, rows, keys), true
/// where the key counts; undefined: everywhere. (The class's own mask argument meant the opposite: callers who passed
/// what is allowed got the inverse.)
ChunkResult attend_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const at::Tensor& visible = {});

/// "acc", StableRingAccumulator: the first result is copied; afterwards, with lse that is not finite taken as -1e10,
/// M = max(ℓ1, ℓ2), w = e^{ℓ - M}, out = (out1·w1 + out2·w2) / (w1 + w2 + 1e-10), ℓ = M + log(w1 + w2 + 1e-10).
/// Right for normalised results; a NaN row stays NaN.
class LseAccumulator {
 public:
  void add(const ChunkResult& chunk);
  const at::Tensor& out() const { return out_; }
  const at::Tensor& lse() const { return lse_; }

 private:
  at::Tensor out_, lse_;
};

/// U = Σ e^{s - m} v and Z = Σ e^{s - m} over the chunks so far, m the running maximum. Without the guard that none of
/// the classes had: a row whose first chunk is all masked is NaN for ever.
class OnlineSoftmax {
 public:
  enum class Maximum { running, none };  ///< none: m = 0, which overflows for scores above 88
  explicit OnlineSoftmax(Maximum maximum = Maximum::running) : has_maximum_(maximum == Maximum::running) {}

  /// `scores` (batch, heads, rows, keys) scaled and masked; `value` (batch, keys, heads, dim).
  void add(const at::Tensor& scores, const at::Tensor& value);
  /// U / (Z + epsilon): (batch, rows, heads, dim).
  at::Tensor result(double epsilon = 0.0) const;

 private:
  bool has_maximum_;
  at::Tensor maximum_, sum_, weighted_;
};

/// Σ_c out_c: chunks added, not weighed. result(count): divided by a number of the class's choosing.
class PlainSum {
 public:
  void add(const at::Tensor& out);
  at::Tensor result(double divisor = 1.0) const;

 private:
  at::Tensor sum_;
};

}  // namespace ringattn::legacy
