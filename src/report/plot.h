#pragma once

#include "report/report.h"

#include <string>
#include <vector>

namespace ringattn {

// Plots as plain data, and as SVG: no library, no script, no font file. Colours follow the reader's light or dark
// scheme; what a colour says is also said by a dash pattern and a legend.

enum class Scale { linear, logarithmic };
/// How the numbers along an axis are written.
enum class Quantity { plain, bytes, time, percent, error };

struct PlotAxis {
  std::string label;
  Scale scale = Scale::logarithmic;
  Quantity quantity = Quantity::plain;
};

struct PlotPoint {
  double x = 0.0;
  double y = 0.0;
  Mark mark = Mark::measured;
};

struct PlotSeries {
  std::string label;
  std::vector<PlotPoint> points;
};

/// Points joined by lines. Points that an axis cannot show (not finite; not positive on a logarithmic axis) are left
/// out, and counted below the plot.
struct Plot {
  std::string name;  ///< of its file, without the ending
  std::string title;
  PlotAxis x;
  PlotAxis y;
  std::vector<PlotSeries> series;
  std::string note;
};

/// Stacked bars: one a label, `parts` from the bottom up, as many as `part_names`.
struct Bar {
  std::string label;
  std::vector<double> parts;
};
struct BarChart {
  std::string name;
  std::string title;
  PlotAxis y;
  std::vector<std::string> part_names;
  std::vector<Bar> bars;
  std::string note;
};

/// One <svg> element. It has its own style where it stands alone; inside a page, that has svg_style().
std::string plot_svg(const Plot& plot, bool is_alone);
std::string bars_svg(const BarChart& chart, bool is_alone);
/// The rules of both, for a <style> element.
std::string svg_style();

/// Slope of the least-squares line through (log x, log y) of the points that have logarithms; nullopt where they have
/// fewer than two different x.
std::optional<double> log_slope(const std::vector<PlotPoint>& points);

}  // namespace ringattn
