#pragma once

#include "compare/identify.h"
#include "compare/old_call.h"
#include "compare/user_recording.h"

#include <vector>

namespace ringattn::legacy {

/// Lists that a recording without lists may be of, the shortest first: calls that are `known` but for their lists.
///
/// Classes that split the heads over the pairs compute each head group from its own pair (w, r), its number i and the
/// number of pairs G alone. So each class runs once a (w, r) with G equal pairs, and each head is held against the
/// recording: a list is one (w, r) for each group that fits all the group's heads, and counts if the class then gives
/// the whole recording. Of the (w, r) those are tried whose
/// w divides n, and others where a row of the first segment is what some residue class of keys gives. Empty for
/// n > 128, for several ranks, and for classes with projections.
/// Cost: for each number of pairs up to the right one a call of some fifteen classes on one batch index for each (w,
/// r), of which there are a few hundred: seconds; the search ends with the budget.
std::vector<OldCall> possible_lists(const UserRecording& recording, const OldCall& known,
                                    const IdentifyOptions& options);

}  // namespace ringattn::legacy
