#pragma once

#include "report/report.h"
#include "report/text.h"

#include <string>

namespace ringattn {

/// `compare`: what ran, one row a case, notes (skipped cases with their reasons, what was asked and what ran instead,
/// warnings, prices that differ from what was measured), and a last line with the counts. Fits style.width: first the
/// time interval goes, then rows become paragraphs. Ends with a newline.
std::string compare_table(const Report& report, const TextStyle& style);

/// `bench`, two tables: per case and implementation the time with its interval, tokens a second, retention, exposed
/// communication, rate; then peak and live bytes, sent bytes and messages beside the priced ones. Each row says whether
/// it was measured, rehearsed or priced.
std::string bench_table(const Report& report, const TextStyle& style);

/// The notes under a table, each once with the cases that it is about; without a trailing newline each.
std::vector<std::string> report_notes(const Report& report);

/// "8 cases: 7 match, 1 different_function (1 accepted); 2 skipped", "interrupted" where it was.
std::string summary_line(const Report& report);

}  // namespace ringattn
