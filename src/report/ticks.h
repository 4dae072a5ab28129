#pragma once

#include "report/plot.h"

#include <string>
#include <vector>

namespace ringattn {

/// The part of an axis that a plot shows, and where it is marked.
struct AxisRange {
  double low = 0.0;
  double high = 1.0;
  std::vector<double> ticks;
};

/// A range that holds all values (of a linear axis also 0), with at most `ticks_max` round ticks in it: powers of two
/// of bytes and of plain numbers on a logarithmic axis, else 1, 2 and 5 times powers of ten. `values` are finite, and
/// positive on a logarithmic axis; none at all gives a range all the same.
AxisRange axis_range(const std::vector<double>& values, const PlotAxis& axis, int ticks_max);

/// "64 KiB", "1 ms", "25 %", "1e-06", "4096".
std::string tick_label(double value, Quantity quantity);

/// Where `value` lies between low (0) and high (1).
double position_in(const AxisRange& range, double value, Scale scale);

}  // namespace ringattn
