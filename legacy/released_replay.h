#pragma once

#include "compare/replay.h"
#include "legacy/released.h"

namespace ringattn::legacy {

/// The arguments of a recording.
ReleasedArguments released_arguments(const Recording& recording);

/// The released class behind a recording's alias, with the recorded arguments; refused where there is none.
ReplaySubject released_subject(const Recording& recording);

}  // namespace ringattn::legacy
