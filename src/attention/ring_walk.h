#pragma once

#include "attention/key_value.h"
#include "attention/receive_buffers.h"
#include "comm/communicator.h"
#include "comm/trace.h"
#include "plan/buffers.h"
#include "plan/cost.h"
#include "plan/plan.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace ringattn {

/// Called once for each step with the regions that its hop brought.
using RunStep = std::function<void(const Step&, const std::vector<KeyValue>&)>;

/// Who chooses, on a GPU, the streams that hops are ordered with: told before the hop of a step is posted, before it is
/// waited for, and at the end.
class WalkStreams {
 public:
  virtual ~WalkStreams() = default;
  virtual void before_post(std::size_t step) = 0;
  virtual void before_wait(std::size_t step) = 0;
  virtual void at_end() = 0;
};

/// How the loop goes.
struct WalkOptions {
  bool overlap_communication = true;  ///< post the next hop before this step's tiles; else after them
  BufferRule buffers{};
  TraceLog* trace = nullptr;       ///< where to write what the rank did when; null: nowhere
  WalkStreams* streams = nullptr;  ///< null: everything goes to the thread's current stream
};

/// The one loop that forward and backward run: post the exchange of the next step, run this step, wait. `own`: the
/// rank's K and V. Memory: live_buffer_bytes (plan/buffers.h).
void walk_ring(const Plan& plan, const KeyValue& own, const CostShape& shape, Communicator& communicator,
               const WalkOptions& options, const RunStep& run_step);
/// The same with buffers that are there already, and stay.
void walk_ring(const Plan& plan, const KeyValue& own, ReceiveBuffers& buffers, Communicator& communicator,
               const WalkOptions& options, const RunStep& run_step);

/// What a list of transfers means in memory: `regions` for rows of regions, `own` for own rows.
std::vector<Message> messages_of(const std::vector<Transfer>& transfers, const KeyValue& own,
                                 const std::vector<KeyValue>& regions);

}  // namespace ringattn
