#pragma once

#include "report/report.h"
#include "report/table.h"

#include <string>
#include <vector>

namespace ringattn {

/// The block under the table for a case that is neither match nor accepted: outcome and words, each failing verdict
/// (statistics of both sides, worst element, worst block of rows, first bad row, required tolerance, histogram), the
/// explanation, and as its last line "repro: …". Ends with a newline.
std::string failure_block(const CaseRecord& record, const TextStyle& style);

/// The command that runs one case alone: "ringattn compare --old v2 --new standard -a batch=2 … ", one -a for each of
/// `axes`, which are as axis_words() writes them, then `further` arguments, quoted for a POSIX shell where they need
/// it.
std::string repro_command(const std::string& legacy, const std::string& candidate, const std::vector<std::string>& axes,
                          const std::vector<std::string>& further);
/// `argument` as one word of a POSIX shell.
std::string shell_quote(const std::string& argument);

}  // namespace ringattn
