#pragma once

#include "report/collection.h"
#include "report/junit.h"

namespace ringattn {

/// One suite a run, one test case a case and new implementation: failed where the outcome is neither match nor
/// accepted, skipped where the run skipped it. Cases that were not judged pass. A suite "exponents" holds the fits with
/// a verdict.
JUnitSuites report_suites(const Collection& collection);

}  // namespace ringattn
