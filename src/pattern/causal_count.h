#pragma once

#include "pattern/rows.h"

#include <cstdint>

namespace ringattn {

/// Number of (query, key) with key position <= query position, of two one-level progressions:
///   Σ_i clamp(⌊(q_i - k_0)/step_k⌋ + 1, 0, count_k).   O(count_q).
std::int64_t causal_pairs(const Rows& query, const Rows& key);

}  // namespace ringattn
