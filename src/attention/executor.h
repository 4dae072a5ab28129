#pragma once

#include "attention/block_backend.h"
#include "attention/compression.h"
#include "attention/gradient_watch.h"
#include "attention/interface.h"
#include "attention/ring_walk.h"
#include "attention/running_state.h"
#include "comm/communicator.h"
#include "plan/cost.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ringattn {

/// Told, after the tiles of each step, what the rank's rows have come to: its running state, or one a pair under join
/// mean.
using AfterStep = std::function<void(const Step&, std::span<const RunningState>)>;

struct ExecutorOptions : WalkOptions {
  /// Bytes of a kernel call's fp32 partial per intra-op thread, so that it is merged while still in the cache; 0: no
  /// limit.
  std::int64_t partial_bytes_max = std::int64_t{512} << 10;
  /// Not null: derivatives of fp32 sums travel in bf16, half as many bytes, packed by the sender; what that rounds off
  /// is added up there.
  CompressionError* compression = nullptr;
  /// Called on the rank's thread; where one tile is the result, that is the state. Not on a GPU.
  AfterStep after_step{};
  /// Told of the backward pass; null: nobody.
  GradientWatch* gradient_watch = nullptr;
};

/// The one loop that every variant runs: post the next exchange, run the tiles of this step, merge, wait.
/// inputs: (batch, rows, heads, dim), the plan's rows of this rank, and its mask, on one device: everything happens
/// there, in the order of this thread's stream, and a GPU may still be at it on return. Result: the rank's own rows,
/// out in the inputs' type; lse is undefined under join mean of pairs that meet. Memory above the inputs, exactly:
/// cost_of(plan) state (on a GPU what StateBook keeps) + receive buffers + one tile's own (packed rows where they are
/// no progression, a bias, the kernel's result and workspace); K and V that do not lie row by row (heads and dim
/// contiguous) are copied once. Sends and receives exactly the plan's rows.
Partial execute(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
                const ExecutorOptions& options = {});

/// The same under join mean: each pair's own result, of which the mean is taken.
std::vector<Partial> execute_pairs(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                                   const BlockBackend& backend, const ExecutorOptions& options = {});

/// The limit that `execute` gives tile_calls on this thread; none on a GPU, where few large calls are best.
std::int64_t partial_bytes_limit(const ExecutorOptions& options, const at::Device& device);

}  // namespace ringattn
