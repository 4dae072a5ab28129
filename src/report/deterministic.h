#pragma once

#include "report/report.h"

namespace ringattn {

/// What of a report is the same whenever and wherever the same cases are run on the same kind of machine, whatever
/// launched them: what was asked, results and their errors, bytes, messages, prices, outcomes. Times and what follows
/// from them, the environment, the command and warnings of a run are left out.
Json deterministic_part(const Report& report);

}  // namespace ringattn
