#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace ringattn::oracle {

/// Whether the weight of that place is kept (axes.h, AttentionFunction::dropout).
bool dropout_keeps(const AttentionFunction& function, std::int64_t batch, std::int64_t head, std::int64_t query,
                   std::int64_t key);

/// By what the normalised weights of (batch, head, query, key) are multiplied: 0 where dropped, else 1 / (1 - p); 1
/// everywhere at p = 0. (batch, heads, queries, keys), fp64, on the CPU, for the keys [first, first + counts.size(1)).
/// `counts` (queries, keys) fp64: the numbers of keys that no query counts are not drawn, their factor is 0.
/// Cost: about 0.1 µs for four neighbouring keys.
at::Tensor dropout_factors(const AttentionFunction& function, std::int64_t batch,
                           const std::vector<std::int64_t>& heads, std::span<const std::int64_t> queries,
                           std::int64_t first, const at::Tensor& counts);

}  // namespace ringattn::oracle
