#pragma once

#include "compare/identify.h"
#include "compare/old_call.h"
#include "compare/user_recording.h"

#include <vector>

namespace ringattn::legacy {

/// Lists that a recording without lists may be of: calls that are `known` but for their lists.
///
/// Classes that split the heads over the pairs compute each head group from its own pair (w, r), its number and the
/// number of pairs alone. So first each class runs on the first head with one pair, for every (w, r) (list_pairs.h):
/// most give other numbers, and are done with. Classes that are left then run on all heads with each (w, r) behind the
/// pair that was found, and each head is held against the recording; a list is one (w, r) for each group. Where there
/// may be more pairs than heads, classes run with each (w, r) as often as there are pairs. A list counts if the class
/// gives the whole recording with it.
///
/// Empty for n > 128, for several ranks, and for classes with projections; the search ends with the budget. Cost: some
/// twenty different classes, causal and not, at 0.1 to 0.5 ms for each (w, r).
std::vector<OldCall> possible_lists(const UserRecording& recording, const OldCall& known,
                                    const IdentifyOptions& options);

}  // namespace ringattn::legacy
