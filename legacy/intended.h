#pragma once

#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

// The functions that the old classes were meant to compute, one segment at a time, on the whole sequence and in its
// dtype. Result (batch, n, heads, dim). Any n, w, r and head count.

namespace ringattn::legacy {

/// Pair i, offset o = i mod r, serves its head group (first groups larger): in each segment of w rows, the last may be
/// short, rows o, o + r, … attend each other; other rows are 0. The result is divided by the number of pairs. (S1:
/// DilatedAttention)
at::Tensor dilated_rows(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal);

/// Pair i, offset o = i mod r, serves its head group (last groups larger): in each whole segment of w rows, every row
/// attends rows o, o + r, … of the segment; what remains after the whole segments attends itself, undilated. (S3:
/// RingDilatedAttentionV2)
at::Tensor dilated_keys(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal);

}  // namespace ringattn::legacy
