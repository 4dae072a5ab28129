#pragma once

#include "attention/key_value.h"
#include "attention/tile_call.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn {

// Derivatives of rows, (batch, rows, heads, dim) in the state's type, to which calls and ranks add their parts. The
// order of the additions is the caller's, so that the bits are the same in each run, with any number of threads.

/// The derivatives of K and V of the rows of a step's region, or of a rank's own rows; type and device of `options`.
KeyValue zero_sums(std::int64_t batch, std::int64_t rows, std::int64_t key_heads, std::int64_t dim,
                   const at::TensorOptions& options);

/// sum[rows of the call] += scale · part, part (batches, heads, rows, dim). Repeated heads: all of them to head
/// `heads.begin`. Rows count within `index`, on the sum's device, where it is defined.
void add_call(const at::Tensor& sum, const HeadView& heads, const Rows& rows, const at::Tensor& index,
              const TileCall& call, const at::Tensor& part, double scale);

/// A copy of a call's rows, (batches, heads, rows, dim), times a factor, in which rows, heads and dim lie one after
/// another. Allocates exactly that.
at::Tensor packed_call(const at::Tensor& call_rows, double factor);

/// sum[runs, one after another] += part, part (batch, rows, heads, dim), heads from `head_begin` on.
void add_runs(const at::Tensor& sum, std::int64_t head_begin, const std::vector<Rows>& runs, const at::Tensor& part);

}  // namespace ringattn
