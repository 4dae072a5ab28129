#pragma once

#include "report/collection.h"

#include <string>
#include <utility>
#include <vector>

namespace ringattn {

enum class FigureAxis { seq_len, ranks };
double axis_value(const Case& axes, FigureAxis axis);

/// Rows that belong into one plot: their cases differ in the axis, and in the ranks. One series an implementation (and
/// number of ranks, where these are not the axis); at most `series_max`, in the order in which they were run.
inline constexpr std::size_t series_max = 8;
struct FigureGroup {
  std::string name;  ///< "b1/h8/d64/fp32/causal", with the machine where there are several
  std::vector<std::pair<std::string, std::vector<CollectionRow>>> series;
  std::size_t left_out = 0;  ///< rows of further series
};
/// Groups without two different values of the axis are left out.
std::vector<FigureGroup> group_rows(const Collection& collection, FigureAxis axis);

}  // namespace ringattn
