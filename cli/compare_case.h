#pragma once

#include "cli/compare_setup.h"
#include "cli/workbench.h"
#include "compare/examine.h"

namespace ringattn {

/// Makes both sides of one case as the setup says, and examines them. Throws what they throw.
Examination examine_setup(const Case& axes, const CompareSetup& setup, Workbench& bench,
                          const ExamineOptions& examining);

}  // namespace ringattn
