#pragma once

#include "report/collection.h"
#include "report/plot.h"

#include <string>
#include <variant>
#include <vector>

namespace ringattn {

using Figure = std::variant<Plot, BarChart>;
std::string figure_name(const Figure& figure);
std::string figure_title(const Figure& figure);
std::string figure_svg(const Figure& figure, bool is_alone);

/// Every plot that the collection has data for: peak bytes a rank and time, against n and against k (log-log, fitted
/// slope in the label); retention against k; what a case's time consists of, for each k; the error against the position
/// in the sequence. Cases that differ in other axes have plots of their own; of each kind the
/// `figures_of_a_kind_max` with most points are shown, and `left_out` counts the others.
inline constexpr std::size_t figures_of_a_kind_max = 4;
struct Figures {
  std::vector<Figure> shown;
  std::size_t left_out = 0;
};
Figures figures_of(const Collection& collection);

}  // namespace ringattn
