#pragma once

#include "kernels/merge.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// fp64, bf16, fp16, and f32 for anything else.
kernels::Element element_of(const at::Tensor& tensor);

/// out (batch, rows, heads, dim) and lse (batch, rows, heads) as the merge kernels read and write them.
kernels::MergeView merge_view(const at::Tensor& out, const at::Tensor& lse);

}  // namespace ringattn
