#pragma once

#include "report/report.h"

#include <string>
#include <vector>

namespace ringattn {

/// Compares what was priced with what was measured or rehearsed, for each implementation of each case that has both:
/// time_ns (its median), peak_bytes (of the worst rank) and sent_bytes (of all ranks; where all were run).
std::vector<PredictionRecord> predictions_of(const std::vector<CaseRecord>& cases);

/// A line for each quantity: "time predicted within 4.2 % (median of 12), worst 9.1 %: CASE". Empty without
/// predictions.
std::vector<std::string> prediction_lines(const std::vector<PredictionRecord>& predictions);

}  // namespace ringattn
