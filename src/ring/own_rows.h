#pragma once

#include "config/positions.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The rows of dimension `dim` at these positions, in their order: a view where they are one run, else a copy.
at::Tensor own_rows(const at::Tensor& full, const Positions& positions, int dim = 1);

}  // namespace ringattn
