#pragma once

#include "attention/executor.h"
#include "attention/lanes.h"
#include "attention/receive_buffers.h"
#include "attention/work_graph.h"

#include <vector>

namespace ringattn {

/// One rank's forward call as CUDA graphs, two a step: its tiles, and the merges of their partials. They are bound to
/// where the tensors of the call lay, and hold the call's receive buffers, state and partials.
class CallGraphs {
 public:
  /// Records; nothing is computed. For plans that can be graphed (graphed_calls.h), and inputs that are read where they
  /// lie.
  CallGraphs(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend, const ExecutorOptions& options);

  /// The call with what the tensors hold now. The result is the caller's; it is on its way on the thread's stream.
  Partial launch(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                 const ExecutorOptions& options);

 private:
  void record(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend, const ExecutorOptions& options);

  GraphMemory tile_memory_[2];  ///< one a lane: tiles of neighbouring steps run at the same time
  GraphMemory merge_memory_;
  ReceiveBuffers buffers_;
  Lanes lanes_;
  std::vector<WorkGraph> tiles_;
  std::vector<WorkGraph> merges_;
  Partial result_;
};

}  // namespace ringattn
