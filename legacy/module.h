#pragma once

#include "legacy/catalogue.h"
#include "legacy/released.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

// Released classes with projections of their own, called with one x and layers that somebody else gives them.

namespace ringattn::legacy {

/// "qkv_proj.weight", "out_proj.bias" and so on, as recordings name them.
using NamedLayers = std::vector<std::pair<std::string, at::Tensor>>;

/// Whether the released class projects what it is given: all that take x or projected_qkv, and those that project the
/// query that they were handed.
bool is_module(const CatalogueEntry& entry);

/// What such a class is given: x (batch, n, heads, head_dim) in the place of all its inputs, the layers in the dtype of
/// x under every name that the class knows them by, and a LayerNorm that only normalises.
ReleasedInputs module_inputs(const CatalogueEntry& entry, const at::Tensor& x, const NamedLayers& layers,
                             std::size_t pairs);

/// The constructor arguments that any such class wanted: sizes, the first pair for those that knew but one, and no
/// LayerNorm, as the function that it is held against has none.
Json module_arguments(const std::vector<Pair>& pairs, std::int64_t heads, std::int64_t head_dim);

/// What a reader of the comparison must know about how the class was called; each a sentence.
std::vector<std::string> module_remarks(const CatalogueEntry& entry, std::size_t pairs);

}  // namespace ringattn::legacy
