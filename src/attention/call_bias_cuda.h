#pragma once

#include "attention/call_bias.h"

namespace ringattn {

/// make_call_bias for masks that lie on a GPU: the same numbers, filled there.
CallBias make_call_bias_cuda(const AttentionFunction& function, MaskRule rule, const TileCall& call,
                             const BiasShape& shape, const BiasSources& sources, const at::TensorOptions& options);

}  // namespace ringattn
