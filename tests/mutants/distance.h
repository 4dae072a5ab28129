#pragma once

#include <ATen/core/Tensor.h>

namespace ringattn::mutants {

// How far a result is off in units of the stated tolerance, by a few tensor operations that share nothing with the
// judge: what it must catch.

/// (batch, rows, heads, dim). fp32: max |a-b| / max(1e-5 + 1.3e-6·|b|, twice the library's largest error in the block
/// of 64 rows); low precision: the worst block's RMSE over twice the library's, or 2⁻⁸ times the block's RMS. Infinite
/// where one side alone is NaN or infinite.
double distance(const at::Tensor& got, const at::Tensor& want, const at::Tensor& library);

/// (batch, heads, rows): max |a-b| / (atol + 1.3e-6·|b|).
double lse_distance(const at::Tensor& got, const at::Tensor& want, double atol);

}  // namespace ringattn::mutants
