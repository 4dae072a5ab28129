#pragma once

#include "attention/key_value.h"
#include "comm/communicator.h"
#include "plan/cost.h"
#include "plan/plan.h"

#include <functional>
#include <vector>

namespace ringattn {

/// Called once for each step with the regions that its hop brought.
using RunStep = std::function<void(const Step&, const std::vector<KeyValue>&)>;

/// The one loop that forward and backward run: post the exchange of the next step, run this step, wait. With
/// `overlaps` false the exchange is posted after the step instead. `own`: the rank's K and V. Memory: the receive
/// buffers of the plan's cost.
void walk_ring(const Plan& plan, const KeyValue& own, const CostShape& shape, Communicator& communicator, bool overlaps,
               const RunStep& run_step);

/// What a list of transfers means in memory: `regions` for rows of regions, `own` for own rows.
std::vector<Message> messages_of(const std::vector<Transfer>& transfers, const KeyValue& own,
                                 const std::vector<KeyValue>& regions);

}  // namespace ringattn
