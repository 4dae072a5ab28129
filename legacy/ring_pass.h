#pragma once

#include "comm/communicator.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ringattn::legacy {

/// A sequence cut into `count` chunks: chunk c is rows [c·size, min((c + 1)·size, n)), size = ⌈n / count⌉.
struct Chunks {
  std::int64_t seq_len = 0;
  std::int64_t count = 1;
  std::int64_t size() const { return (seq_len + count - 1) / count; }
  std::int64_t first(std::int64_t chunk) const;
  std::int64_t rows(std::int64_t chunk) const;
};

/// The rows of a chunk of (batch, n, heads, dim), a view.
at::Tensor chunk_of(const at::Tensor& whole, const Chunks& chunks, std::int64_t chunk);
/// A copy with zero rows appended to size() rows.
at::Tensor pad_rows(const at::Tensor& rows, std::int64_t size);
/// chunk_of, padded to chunks.size() rows.
at::Tensor padded_chunk(const at::Tensor& whole, const Chunks& chunks, std::int64_t chunk);

/// All of a contiguous tensor (two dimensions or more), row by row of dimension 1, for sending or receiving.
Block whole_block(const at::Tensor& tensor);

/// Every rank's `own` on every rank, in rank order: one message of all of it to each peer. All have the same shape.
std::vector<at::Tensor> all_gather(Communicator& communicator, const at::Tensor& own);

/// Sends `held` to rank + 1 and receives as much from rank - 1, modulo ring_size: what that rank held.
std::vector<at::Tensor> pass_on(Communicator& communicator, const std::vector<at::Tensor>& held, int ring_size,
                                int hop);

/// What a rank holds at one step: `tensors` came from rank (and are chunk) `source`.
struct RingStep {
  std::int64_t step = 0;
  std::int64_t source = 0;
  std::vector<at::Tensor> tensors{};
};
using RingVisit = std::function<void(const RingStep&)>;

struct RingOptions {
  std::int64_t ring_size = 0;  ///< 0: the world size; fewer: the first ring_size ranks alone call
  int first_hop = 0;           ///< the hops of this pass are first_hop, first_hop + 1, …
  /// The chunk really used at each step on this rank, where a race decided that; empty: (rank - step) mod ring_size.
  /// `source` is what the class believed. The whole world gathers in this case.
  std::vector<std::int64_t> used_chunks{};
  /// Received into a copy of what was sent: autograd takes it for that (received_into_copy).
  bool is_one_buffer = false;
  /// Every hop receives into the same memory, unseen by autograd: backward reads the last chunk in the place of each.
  bool reuses_buffer = false;
};

/// Visits `own` first, then what ring_size - 1 hops bring: at each the rank sends what it holds to rank + 1 and
/// receives from rank - 1, so step t holds the tensors of rank (rank - t) mod ring_size. Tensors have the same shapes
/// on all ranks (pad_rows). Separate buffers; each hop is posted after the visit, as the classes did (no overlap).
void ring_pass(Communicator& communicator, const std::vector<at::Tensor>& own, const RingOptions& options,
               const RingVisit& visit);

}  // namespace ringattn::legacy
