#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn {

/// One softmax of one head straight from the definition (attends.h): axes, causality, window, documents and curves, but
/// not the attention mask, which is data.
struct DefinitionMask {
  at::Tensor counts;   ///< fp32 (rows, n): through how many pairs the row attends the key
  double scale = 1.0;  ///< what the softmax's result is multiplied by: joins groups and mean: 1/G

  /// log(counts): softmax(scores + additive()) is the function; -inf hides a key.
  at::Tensor additive() const;
};

/// The softmaxes of `head`, whose results add up: joins single, groups and softmax have one, join mean of several pairs
/// has one for each pair. `rows`: query positions, empty for all. Cost O(rows · n) memory and time each: for what is
/// compared, never for what is measured. UsageError: see check_function.
std::vector<DefinitionMask> definition_masks(const AttentionFunction& function, std::int64_t head,
                                             const std::vector<std::int64_t>& rows);

}  // namespace ringattn
