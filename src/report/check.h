#pragma once

#include "report/report.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// Something in a report that contradicts something else in it.
struct ReportProblem {
  std::string pointer;  ///< JSON pointer
  std::string words;    ///< "is 3, but 2 cases are listed"
};

/// What a report must keep to beyond its schema: ids that follow from axes, ranks 0 … k-1 once each, traffic that adds
/// up (bytes sent = bytes received over a whole world), live >= peak, medians and intervals that the samples give,
/// prices in order, the summary's counts, exit code and completeness.
std::vector<ReportProblem> report_problems(const Report& report);

/// What a result file says it is: "report", "identification", "migration", "baseline", "schema", or "" for none of
/// these.
std::string kind_of_result(std::string_view text);

}  // namespace ringattn
