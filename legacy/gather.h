#pragma once

#include "comm/communicator.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn::legacy {

/// Every rank's rows, in rank order, one tensor each: `rows_of_rank[j]` rows of (batch, ·, heads, dim). One message of
/// `own` to each peer. Allocates them all: n rows on every rank.
std::vector<at::Tensor> gather_chunks(Communicator& communicator, const at::Tensor& own,
                                      const std::vector<std::int64_t>& rows_of_rank);

/// The whole sequence on every rank from its contiguous split (⌈n/k⌉ rows a rank): gathers the chunks, then
/// concatenates them.
at::Tensor gather_sequence(Communicator& communicator, const at::Tensor& own, std::int64_t seq_len);

/// The way back, a reduce-scatter: of tensors with n rows on every rank, each rank gets its own rows of all ranks'
/// added up, in the tensors' dtype. k - 1 hops: at hop j a rank sends the rows of rank + j, all tensors in one message,
/// and adds what it receives from rank - j, so that the order of the sum is the rank's own and always the same. Holds
/// ⌈n/k⌉ received rows besides the sum; sends n less its own rows.
std::vector<at::Tensor> scatter_sums(Communicator& communicator, const std::vector<at::Tensor>& wholes);

}  // namespace ringattn::legacy
