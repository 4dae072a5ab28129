#pragma once

#include "config/workload.h"

#include <c10/core/ScalarType.h>

namespace ringattn {

/// LibTorch's name of a dtype.
at::ScalarType scalar_type(Dtype dtype);

}  // namespace ringattn
