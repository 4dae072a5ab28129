#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn::oracle {

/// Throws UsageError unless `mask` is what function.mask says: undefined for none; keys (batch or 1, n); scores (batch
/// or 1, 1 or heads, rows, n); bool, or floating when additive.
void check_mask(const AttentionFunction& function, const at::Tensor& mask, std::int64_t batch, std::int64_t rows);

/// A part of the scores: the chosen heads, result rows [row, row + rows), keys [key, key + keys).
struct ScoreBlock {
  const std::vector<std::int64_t>& heads;
  std::int64_t row = 0, rows = 0;
  std::int64_t key = 0, keys = 0;
};

/// What the mask adds to that part: fp64, broadcastable to (batch, heads, rows, keys), -inf where it hides; undefined
/// where there is no mask.
at::Tensor mask_bias(const AttentionFunction& function, const at::Tensor& mask, const ScoreBlock& block);

}  // namespace ringattn::oracle
