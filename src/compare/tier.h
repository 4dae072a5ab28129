#pragma once

#include "compare/verdict.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The tier that a result of this dtype is judged in.
Tier tier_of(const at::Tensor& result);

/// Half the unit roundoff of a low-precision dtype: what one rounding costs in RMSE, relative to the RMS, is 0.8 of it.
double rmse_floor(at::ScalarType dtype);

/// What a number of a low-precision dtype may lose below the smallest normal one, 2⁻¹²⁶ and 2⁻¹⁴: in bf16 all of it, as
/// processors may take it for 0; in fp16 half the distance of its subnormal numbers, 2⁻²⁴.
double lost_below_normal(at::ScalarType dtype);

}  // namespace ringattn
