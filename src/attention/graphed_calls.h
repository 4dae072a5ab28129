#pragma once

#include "attention/call_graphs.h"
#include "attention/executor.h"
#include "attention/graph_book.h"

#include <array>
#include <cstdint>
#include <memory>

namespace ringattn {

/// `execute` for the calls of one rank on a GPU, launched as CUDA graphs: what compile_mode reduce-overhead does. A
/// call whose tensors lie where an earlier one's lay (GraphBook) is recorded, and launched from then on with
/// whatever the tensors then hold; hops go between the steps as ever. All other calls run as they are. The bits are the
/// same either way. Memory: the graphs of a call keep what it has at its peak and one more partial, and it
/// then takes its result alone.
class GraphedCalls {
 public:
  /// `plan` must outlive it.
  explicit GraphedCalls(const Plan& plan);

  /// As `execute`; one thread at a time.
  Partial run(const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
              const ExecutorOptions& options);

  /// Calls that were launched as graphs.
  std::int64_t launched() const { return launched_; }

 private:
  const Plan& plan_;
  bool can_be_graphed_;
  GraphBook book_;
  std::array<std::unique_ptr<CallGraphs>, GraphBook::kKept> graphs_;
  std::int64_t launched_ = 0;
};

/// Whether all that the plan's calls read lies on the device as it is: no mask, no dropout, and tiles of progressions
/// whose rows the kernel need not be told. Plans of one kernel call gain nothing.
bool can_be_graphed(const Plan& plan);

}  // namespace ringattn
