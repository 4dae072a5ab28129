#pragma once

#include "config/json.h"

#include <cstdint>

namespace ringattn {

/// The dense problem of n tokens (batch 1, heads 16, head_dim 128, bf16) on k ranks that share one GPU, and by the
/// library's kernel alone: every row of the two compared in blocks of 64, 256 rows of the first and last of eight
/// stretches against the definition in fp64, times and peak bytes.
Json compare_whole(std::int64_t seq_len, int ranks, bool is_causal);

}  // namespace ringattn
