#pragma once

#include "measure/measurement.h"
#include "measure/pass_price.h"

#include <span>
#include <string>

namespace ringattn {

/// Where ranks spent other amounts than their plans say: sent and received bytes, messages, peak bytes above the
/// inputs, which are all equal to their prices where nothing is done beside the plan, and bytes that are still alive
/// after the call, of which there are none. "rank 1 sends 7 messages, its plan has 6; …", the first rank of each
/// quantity; "" where nothing differs. Both lists are by rank.
std::string cost_difference(std::span<const RankCost> spent, std::span<const PassPrice> priced);

}  // namespace ringattn
