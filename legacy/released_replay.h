#pragma once

#include "compare/replay.h"

namespace ringattn::legacy {

/// The released class behind a recording's alias, with the recorded arguments; refused where there is none.
ReplaySubject released_subject(const Recording& recording);

}  // namespace ringattn::legacy
