#pragma once

#include "compare/fit.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringattn::legacy {

/// Whether all elements of one head are within the tolerance of the recorded ones, NaN and infinities alike, once they
/// are divided by `divisor`. Both (1, n, heads, dim) fp32 contiguous; `got` may have one head, which is then meant.
bool is_head(const at::Tensor& got, const at::Tensor& want, std::int64_t head, const FitTolerance& tolerance,
             double divisor = 1.0);

/// Whether the same rows of a head are 0.
bool has_zero_rows_of(const at::Tensor& got, const at::Tensor& want, std::int64_t head);

}  // namespace ringattn::legacy
