#pragma once

#include "legacy/merges.h"

#include <ATen/core/Tensor.h>

namespace ringattn::legacy {

/// A merge that forgets its denominator: with M = max(L, ℓ), out ← out·e^{L - M} + added·e^{ℓ - M}. What is added is
/// normalised already, so that a row which c chunks of equal ℓ reach is too large: 1 + H(c - 1) times with L summed
/// (L ← M + log(e^{L - M} + e^{ℓ - M})), c times with L ← M. A row that nothing reaches is NaN from the second chunk
/// on.
class UndividedSum {
 public:
  enum class Lse { summed, maximum };

  /// Zeros and -inf for the rows of `query` (batch, rows, heads, dim).
  explicit UndividedSum(const at::Tensor& query, Lse rule = Lse::summed);
  /// Adds to the rows from `first` on, as many as `chunk` has.
  void add(const ChunkResult& chunk, std::int64_t first = 0);
  ChunkResult result() const { return {out_, lse_}; }

 private:
  Lse rule_;
  at::Tensor out_, lse_;
};

}  // namespace ringattn::legacy
