#pragma once

#include "report/report.h"
#include "report/text.h"

#include <string>

namespace ringattn {

/// `compare --with-projection`: what the order of split and projection does to the rows that a rank projects, to its
/// peak bytes and to time, one row a case. "" for a report without. Ends with a newline.
std::string projection_table(const Report& report, const TextStyle& style);

}  // namespace ringattn
