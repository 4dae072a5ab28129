#pragma once

#include "legacy/plain.h"
#include "legacy/released.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

// The learned layers around an attention, as functions of the recorded weights. Every layer is found by its name and
// `prefix` ("attention." for weights of an inner module); a bias or a layer that was not recorded is left out.

namespace ringattn::legacy {

/// x Wᵀ + b over the last dimension: "NAME.weight" (out, in), "NAME.bias" (out) where there is one.
at::Tensor linear(const ReleasedInputs& inputs, const std::string& name, const at::Tensor& x);

/// LayerNorm over the last dimension with "NAME.weight" and "NAME.bias".
at::Tensor layer_norm(const ReleasedInputs& inputs, const std::string& name, const at::Tensor& x,
                      double epsilon = 1e-5);

/// (batch, rows, heads·dim) as (batch, rows, heads, dim), a view, and back. Throws UsageError where heads does not
/// divide the last dimension.
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);
at::Tensor join_heads(const at::Tensor& x);

/// "qkv_proj" (3·embed, embed): query, key and value are its thirds, each (batch, rows, heads, dim).
FullInputs project_fused(const ReleasedInputs& inputs, const at::Tensor& x, std::int64_t heads,
                         const std::string& prefix = {});

/// "q_proj", "k_proj", "v_proj" of "query", "key" and "value" (batch, rows, embed) each.
FullInputs project_separate(const ReleasedInputs& inputs, std::int64_t heads, const std::string& prefix = {});

/// "out_proj" of (batch, rows, heads, dim): (batch, rows, embed).
at::Tensor project_out(const ReleasedInputs& inputs, const at::Tensor& core, const std::string& prefix = {});

/// "num_heads" of the constructor. Throws UsageError where it is missing or not positive.
std::int64_t recorded_heads(const ReleasedArguments& arguments);

}  // namespace ringattn::legacy
