#pragma once

#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

// What the Triton kernels of the Hilbert classes compute, in tensor operations: blocks of queries against the strided
// keys of their segment. Facts: the kernels run by Triton's interpreter on a CPU.

namespace ringattn::legacy {

/// One launch over P rows, (batch, P, heads, dim) each.
struct KernelLaunch {
  std::int64_t segment_size = 0;
  std::int64_t dilation_rate = 1;
  std::int64_t block_rows = 0;
  at::Tensor order{};  ///< P rows: the row that a slot stands for
};

/// Slot m asks with row order[m]. Its keys are the slots j = ⌊m/segment⌋·segment + {0, r, 2r, …}, that is rows
/// order[j].
///   weight(m, j) = e^{s(m, j) - max over the block's m' of s(m', j)},  out[m] = Σ weight · v / (1e-10 + Σ weight):
/// each key's largest score over queries, where softmax has each query's over keys. The result stays in slots. The key
/// pointer is one row long: where a block lies in several segments, feature d of key and value comes from the key of
/// the block's row d. Features from the 65th on are 0. LegacyRaises (InterpreterError) unless the block has as many
/// rows, a power of two, as a head has features (up to 64).
at::Tensor key_maximum_kernel(const FullInputs& inputs, const KernelLaunch& launch);

/// The segment of slot m is that of row order[m], with ⌊segment/r⌋ keys; weights e^s without a maximum, 1e-6 in the
/// denominator; the result is put back to row order[m]. Features mixed as above, in blocks of 32 rows.
at::Tensor unshifted_kernel(const FullInputs& inputs, const KernelLaunch& launch, bool segments_by_row);

/// Slot i asks with row i and sees the strided keys of all segments, rows order[j], one after another:
///   M' = max(M, s),  α = e^{M - M'},  p = e^{s - M'},  U ← U·(L·α) + p v,  L ← L·α + p;  out = U / L at row order[i].
/// The accumulator is also multiplied by the denominator of the time, so that values grow like its product. Without an
/// order: keys of the own segment alone, U / (L + 1e-6). Unavailable where memory is left as it was found: an order
/// that is no permutation, heads of other than 32, 64, 128 or 256 features.
at::Tensor growing_kernel(const FullInputs& inputs, const KernelLaunch& launch);

}  // namespace ringattn::legacy
