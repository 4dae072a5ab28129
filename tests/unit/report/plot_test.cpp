#include "report/plot.h"

#include "report/ticks.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace ringattn {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Plot bytes_over_n(std::vector<PlotPoint> points) {
  return {"p", "A <title>", {"n"}, {"bytes", Scale::logarithmic, Quantity::bytes}, {{"a & b", std::move(points)}}, ""};
}

TEST_CASE("the slope in log-log is the exponent, of two places or more") {
  CHECK(*log_slope({{1024, 10}, {2048, 40}, {4096, 160}}) == doctest::Approx(2.0));
  CHECK(*log_slope({{1, 80}, {2, 40}, {8, 10}}) == doctest::Approx(-1.0));
  CHECK(!log_slope({{1024, 10}, {1024, 20}}));
  CHECK(!log_slope({{1024, 10}, {2048, std::numeric_limits<double>::quiet_NaN()}, {0, 3}}));
}

TEST_CASE("a plot escapes its words and shows each mark with its own symbol") {
  const std::string svg = plot_svg(
      bytes_over_n({{1024, 1 << 20, Mark::measured}, {2048, 1 << 21, Mark::rehearsed}, {4096, 1 << 22, Mark::priced}}),
      true);
  CHECK(svg.starts_with("<svg class=\"plot\" viewBox="));
  CHECK(contains(svg, "xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(contains(svg, "<title>A &lt;title&gt;</title>"));
  CHECK(contains(svg, "a &amp; b: 2 MiB at 2048 (rehearsed)"));
  CHECK(contains(svg, "<circle class=\"dot\""));
  CHECK(contains(svg, "<path class=\"dot\""));
  CHECK(contains(svg, "<rect class=\"dot hollow\""));
}

TEST_CASE("points that no axis can show are counted, and an empty plot is a plot") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg = plot_svg(bytes_over_n({{1024, nan}, {2048, 0.0}, {4096, 512.0}}), false);
  CHECK(contains(svg, "2 points are not shown"));
  CHECK(!contains(svg, "nan"));
  CHECK(contains(plot_svg(bytes_over_n({}), false), "</svg>"));
}

TEST_CASE("bars are stacked, and what is not positive has no bar") {
  const BarChart chart{"b", "Bars", {"time", Scale::linear, Quantity::time}, {"x", "y"}, {{"k=1", {3e6, -1.0}}}, ""};
  const std::string svg = bars_svg(chart, false);
  CHECK(contains(svg, "<title>x: 3 ms</title>"));
  CHECK(!contains(svg, "<title>y:"));
}

TEST_CASE("ticks are round, few and inside") {
  const AxisRange bytes = axis_range({1000.0, 5e9}, {"", Scale::logarithmic, Quantity::bytes}, 6);
  CHECK(bytes.ticks.size() <= 6);
  CHECK(bytes.ticks.size() >= 3);
  const AxisRange linear = axis_range({0.4, 0.97}, {"", Scale::linear, Quantity::percent}, 6);
  CHECK(linear.low == 0.0);
  CHECK(linear.ticks.at(1) == doctest::Approx(0.5));
  CHECK(tick_label(65536.0, Quantity::bytes) == "64 KiB");
  CHECK(tick_label(1e6, Quantity::time) == "1 ms");
  CHECK(tick_label(1048576.0, Quantity::plain) == "1M");
}

}  // namespace
}  // namespace ringattn
