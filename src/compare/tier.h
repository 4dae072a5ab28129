#pragma once

#include "compare/verdict.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The tier that a result of this dtype is judged in.
Tier tier_of(const at::Tensor& result);

/// Half the unit roundoff of a low-precision dtype: what one rounding costs in RMSE, relative to the RMS, is 0.8 of it.
double rmse_floor(at::ScalarType dtype);

}  // namespace ringattn
