#pragma once

#include "report/plot.h"
#include "report/text.h"
#include "report/ticks.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// Where things stand in a plot, in its own units: as wide as a phone, so that text keeps its size there.
struct PlotFrame {
  double width = 400.0;
  double left = 70.0;
  double right = 388.0;
  double top = 34.0;
  double bottom = 258.0;
};

/// The pieces that every plot has. `y` values are places from the top.
class SvgCanvas {
 public:
  explicit SvgCanvas(PlotFrame frame) : frame_(frame), height_(frame.bottom + 44.0) {}

  const PlotFrame& frame() const { return frame_; }
  void raw(const std::string& element) { body_ += element + "\n"; }
  void text(double x, double y, std::string_view anchor, std::string_view style_class, std::string_view words);
  /// Grid lines and numbers of the y axis, its name above it, the frame's floor.
  void y_axis(const PlotAxis& axis, const AxisRange& range);
  void x_axis(const PlotAxis& axis, const AxisRange& range);
  /// A line of the legend: a sample (an element drawn around x = 0 … 26, y = 0) and words, broken where too long.
  void legend(const std::string& sample, const std::string& words);
  /// A faint line below the legend.
  void note(const std::string& words);
  std::string finish(const std::string& title, const std::string& description, bool is_alone) const;

 private:
  PlotFrame frame_;
  double height_;
  std::string body_;
};

/// "s3": the colour of the series at this place.
std::string series_class(std::size_t index);
/// A circle (measured), a diamond (rehearsed) or a hollow square (priced) with a tooltip.
std::string mark_symbol(double x, double y, Mark mark, std::string_view tooltip);

}  // namespace ringattn
