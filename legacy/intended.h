#pragma once

#include "config/axes.h"
#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// The functions that the old classes were meant to compute, in plain tensor operations on the whole sequence and in its
// dtype: one evaluator for all of them, which shares nothing with the engine's patterns or the oracle. Result (batch,
// n, heads, dim). Any n, w, r and head count.

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

/// Pure index algebra and one attend() per pair, segment and residue class; the definitions of the axes are in
/// config/axes.h. The queries of pair i in a segment are the places p ≡ o (mod r) along its order, or all; their keys
/// the places ≡ o, those of p's own class, all, or the places ≡ o of the whole sequence. Rows that no pair works on are
/// 0. The result is divided by the number of pairs where pairs are joined as groups or by their mean.
/// Throws UsageError for `join: softmax`, which no old class knew, and for an order that is no permutation of a
/// segment. Cost: a pair's scores of one segment and class at a time.
at::Tensor intended_attention(const FullInputs& inputs, const PatternAxes& axes, const IntendedArguments& arguments);

}  // namespace ringattn::legacy
