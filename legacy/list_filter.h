#pragma once

#include "compare/user_recording.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn::legacy {

/// Pairs (w, r) that some head of a recorded result of one process may have been computed with, by r, then w: those of
/// all w that divide n; up to n = 32 of all w; of other w those where a recorded row of the first segment is the
/// softmax attention over some residue class mod r of [0, w) or of the sequence, undivided or divided by up to five.
/// `want`: (1, n, heads, dim), of the recording's first batch index.
std::vector<Pair> plausible_pairs(const UserRecording& first, const at::Tensor& want, bool is_causal);

}  // namespace ringattn::legacy
