#pragma once

#include "config/axes.h"
#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// The functions that the old classes were meant to compute, one segment at a time, on the whole sequence and in its
// dtype. Result (batch, n, heads, dim). Any n, w, r and head count.

namespace ringattn::legacy {

/// Constructor arguments, and what a caller could ask of plain tensor operations besides.
struct IntendedArguments {
  std::vector<Pair> pairs{};
  bool is_causal = false;
  Window window{};
  std::vector<std::int64_t> documents{};  ///< cumulative lengths; empty: one
  double dropout = 0.0;                   ///< on the weights, keyed as AttentionFunction says
  std::uint64_t dropout_seed = 0;
  std::optional<double> softmax_scale{};
};

/// Pair i, offset o = i mod r, serves its head group (first groups larger): in each segment of w rows, the last may be
/// short, rows o, o + r, … attend each other; other rows are 0. The result is divided by the number of pairs. (S1:
/// DilatedAttention)
at::Tensor dilated_rows(const FullInputs& inputs, const IntendedArguments& arguments);

/// Pair i, offset o = i mod r, serves its head group (last groups larger): in each whole segment of w rows, every row
/// attends rows o, o + r, … of the segment; what remains after the whole segments attends itself, undilated. (S3:
/// RingDilatedAttentionV2)
at::Tensor dilated_keys(const FullInputs& inputs, const IntendedArguments& arguments);

}  // namespace ringattn::legacy
