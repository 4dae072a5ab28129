#include "report/plot.h"

#include "report/junit.h"
#include "report/svg.h"
#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace ringattn {
namespace {

// What arithmetic on axes can take; no byte count, time or error of a run is beyond.
constexpr double kShownMin = 1e-30;
constexpr double kShownMax = 1e30;

bool is_shown(double value, Scale scale) {
  return std::abs(value) <= kShownMax && (scale == Scale::linear || value >= kShownMin);
}

/// The points that the axes can show, in the order of x.
std::vector<PlotPoint> shown_points(const Plot& plot, const PlotSeries& series) {
  std::vector<PlotPoint> points;
  for (const PlotPoint& point : series.points) {
    if (is_shown(point.x, plot.x.scale) && is_shown(point.y, plot.y.scale)) points.push_back(point);
  }
  std::stable_sort(points.begin(), points.end(), [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
  return points;
}

/// Ticks where the values are, as long as they are few: lengths and ranks are chosen, not found.
AxisRange x_range(const std::vector<double>& values, const PlotAxis& axis) {
  constexpr std::size_t own_ticks_max = 8;
  AxisRange range = axis_range(values, axis, 7);
  const std::set<double> distinct(values.begin(), values.end());
  if (axis.scale == Scale::logarithmic && !distinct.empty() && distinct.size() <= own_ticks_max)
    range.ticks.assign(distinct.begin(), distinct.end());
  return range;
}

struct Scales {
  AxisRange x;
  AxisRange y;
};

std::string polyline(const Plot& plot, const PlotFrame& frame, const Scales& scales,
                     const std::vector<PlotPoint>& points, const std::string& label) {
  std::string path;
  std::string symbols;
  for (const PlotPoint& point : points) {
    const double x = frame.left + position_in(scales.x, point.x, plot.x.scale) * (frame.right - frame.left);
    const double y = frame.bottom - position_in(scales.y, point.y, plot.y.scale) * (frame.bottom - frame.top);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
    symbols += mark_symbol(x, y, point.mark,
                           fmt::format("{}: {} at {} ({})", label, tick_label(point.y, plot.y.quantity),
                                       tick_label(point.x, plot.x.quantity), to_string(point.mark)));
  }
  return fmt::format("<path class=\"line\" d=\"{}\"/>{}", path, symbols);
}

std::string count_words(std::size_t left_out) {
  return fmt::format("{} {} not shown: no number that an axis has, or 0 on a logarithmic one.", left_out,
                     left_out == 1 ? "point is" : "points are");
}

/// What the symbols mean, where there is more than one kind.
void explain_marks(SvgCanvas& canvas, const std::set<Mark>& marks) {
  if (marks.size() < 2 && !marks.contains(Mark::priced) && !marks.contains(Mark::rehearsed)) return;
  for (const Mark mark : marks)
    canvas.legend("<g class=\"ink\">" + mark_symbol(13.0, 0.0, mark, "") + "</g>", std::string(to_string(mark)));
}

}  // namespace

std::optional<double> log_slope(const std::vector<PlotPoint>& points) {
  double n = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
  std::set<double> places;
  for (const PlotPoint& point : points) {
    if (!is_shown(point.x, Scale::logarithmic) || !is_shown(point.y, Scale::logarithmic)) continue;
    const double x = std::log(point.x);
    const double y = std::log(point.y);
    places.insert(point.x);
    n += 1.0;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  if (places.size() < 2) return std::nullopt;
  const double spread = n * sxx - sx * sx;
  return spread > 0.0 ? std::optional<double>((n * sxy - sx * sy) / spread) : std::nullopt;
}

std::string plot_svg(const Plot& plot, bool is_alone) {
  std::vector<std::vector<PlotPoint>> shown;
  std::vector<double> xs;
  std::vector<double> ys;
  std::set<Mark> marks;
  std::size_t left_out = 0;
  for (const PlotSeries& series : plot.series) {
    shown.push_back(shown_points(plot, series));
    left_out += series.points.size() - shown.back().size();
    for (const PlotPoint& point : shown.back()) {
      xs.push_back(point.x);
      ys.push_back(point.y);
      marks.insert(point.mark);
    }
  }
  SvgCanvas canvas{PlotFrame{}};
  const Scales scales{x_range(xs, plot.x), axis_range(ys, plot.y, 6)};
  canvas.x_axis(plot.x, scales.x);
  canvas.y_axis(plot.y, scales.y);
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    canvas.raw(fmt::format("<g class=\"{}\">{}</g>", series_class(i),
                           polyline(plot, canvas.frame(), scales, shown[i], plot.series[i].label)));
  }
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const Mark mark = shown[i].empty() ? Mark::measured : shown[i].front().mark;
    canvas.legend(fmt::format("<g class=\"{}\"><path class=\"line\" d=\"M0 0H26\"/>{}</g>", series_class(i),
                              mark_symbol(13.0, 0.0, mark, "")),
                  plot.series[i].label);
  }
  explain_marks(canvas, marks);
  if (!plot.note.empty()) canvas.note(plot.note);
  if (left_out > 0) canvas.note(count_words(left_out));
  return canvas.finish(plot.title, plot.y.label + " over " + plot.x.label, is_alone);
}

std::string bars_svg(const BarChart& chart, bool is_alone) {
  std::vector<double> totals;
  for (const Bar& bar : chart.bars) {
    double total = 0.0;
    for (const double part : bar.parts) total += is_shown(part, Scale::logarithmic) ? part : 0.0;
    totals.push_back(total);
  }
  SvgCanvas canvas{PlotFrame{}};
  const PlotFrame& frame = canvas.frame();
  const AxisRange range = axis_range(totals, chart.y, 6);
  canvas.y_axis(chart.y, range);
  const double slot = (frame.right - frame.left) / static_cast<double>(std::max<std::size_t>(1, chart.bars.size()));
  const double width = std::min(48.0, 0.62 * slot);
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const double middle = frame.left + slot * (static_cast<double>(i) + 0.5);
    double floor = 0.0;
    for (std::size_t part = 0; part < chart.bars[i].parts.size(); ++part) {
      const double amount = chart.bars[i].parts[part];
      if (!is_shown(amount, Scale::logarithmic)) continue;
      const auto place = [&](double value) {
        return frame.bottom - position_in(range, value, Scale::linear) * (frame.bottom - frame.top);
      };
      canvas.raw(fmt::format(
          R"(<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>)",
          series_class(part), middle - width / 2.0, place(floor + amount), width, place(floor) - place(floor + amount),
          escape_xml(chart.part_names.at(part)), tick_label(amount, chart.y.quantity)));
      floor += amount;
    }
    canvas.text(middle, frame.bottom + 16.0, "middle", "tick", chart.bars[i].label);
  }
  for (std::size_t part = 0; part < chart.part_names.size(); ++part)
    canvas.legend(fmt::format(R"(<rect class="bar {}" x="4" y="-6" width="18" height="12"/>)", series_class(part)),
                  chart.part_names[part]);
  if (!chart.note.empty()) canvas.note(chart.note);
  return canvas.finish(chart.title, "stacked bars of " + chart.y.label, is_alone);
}

}  // namespace ringattn
