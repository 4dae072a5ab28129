#pragma once

#include "compare/fit.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn::legacy {

/// Whether all elements of one head are within the tolerance of the recorded ones, NaN and infinities alike, once they
/// are divided by `divisor`. Both (1, n, heads, dim) fp32 contiguous; `got` may have one head, which is then meant.
bool is_head(const at::Tensor& got, const at::Tensor& want, std::int64_t head, const FitTolerance& tolerance,
             double divisor = 1.0);

/// Whether the same rows of a head are 0.
bool has_zero_rows_of(const at::Tensor& got, const at::Tensor& want, std::int64_t head);

/// The first head of each of `pairs` groups and the one after the last, in the ways in which classes share out what
/// does not divide: one each to the first groups, one each to the last, all to the last group, nowhere.
std::vector<std::vector<std::int64_t>> groupings(std::int64_t heads, std::int64_t pairs);

}  // namespace ringattn::legacy
