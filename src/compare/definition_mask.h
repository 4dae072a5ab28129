#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn {

/// A function as an additive mask, straight from its definition (attends.h): element (head, row, key) is log(number of
/// pairs through which the row attends the key), -inf where there is none. softmax(scores + mask) is the function for
/// the joins single, groups (÷ G apart) and softmax.
struct DefinitionMask {
  at::Tensor additive;  ///< fp32 (heads, rows, n)
  at::Tensor keys;      ///< int64 (heads, rows): attended keys, with multiplicity
  double scale = 1.0;   ///< join groups: 1/G
};

/// `rows`: query positions, empty for all. Cost O(heads · rows · n) memory and time: for what is compared, never for
/// what is measured.
DefinitionMask definition_mask(const AttentionFunction& function, const std::vector<std::int64_t>& rows);

}  // namespace ringattn
