#pragma once

#include "report/report.h"
#include "report/text.h"
#include "report/units.h"

#include <string>

namespace ringattn {

// What the tables of `compare` and `bench` share.

/// Which axes differ between the cases: the others are said once, above the table.
struct Varying {
  bool batch = false;
  bool heads = false;
  bool head_dim = false;
  bool dtype = false;
  bool causal = false;
};
Varying varying_axes(const Report& report);

/// "n4096 h8", with the axes that vary; dtype and causality are left to the table's columns.
std::string short_case(const Case& axes, const Varying& varying);

/// What ran, in a paragraph; `further` words go to its end.
std::string header_line(const Report& report, const TextStyle& style, const std::string& further = "");
/// Notes, what the run itself cost, and the counts.
std::string below_table(const Report& report, const TextStyle& style);

/// A unit in which the amounts of all records read well.
Unit shared_unit(const Report& report, std::int64_t (*amount)(const ImplementationRecord&));

}  // namespace ringattn
