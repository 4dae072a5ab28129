#include "cli/replay.h"
#include "legacy/released_replay.h"

namespace ringattn {

ReplayLookup replay_lookup() { return legacy::released_subject; }

}  // namespace ringattn
