#include "report/ticks.h"

#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ringattn {
namespace {

/// Multiples of a step of 1, 2 or 5 times a power of ten.
std::vector<double> linear_ticks(double low, double high, int ticks_max) {
  const double raw = (high - low) / std::max(1, ticks_max - 1);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= raw * (1.0 - 1e-9)) step = factor * power;
  }
  std::vector<double> ticks;
  // Adding 0 makes 0 of the -0 that ceil gives.
  for (double i = std::ceil(low / step - 1e-9) + 0.0; i * step <= high * (1.0 + 1e-9); i += 1.0)
    ticks.push_back(i * step);
  return ticks;
}

/// base^i within the range, every so many i that they fit.
std::vector<double> power_ticks(double low, double high, double base, int ticks_max) {
  const auto first = static_cast<int>(std::ceil(std::log(low) / std::log(base) - 1e-9));
  const auto last = static_cast<int>(std::floor(std::log(high) / std::log(base) + 1e-9));
  const int step = std::max(1, (last - first + ticks_max) / ticks_max);
  std::vector<double> ticks;
  for (int i = first; i <= last; i += step) ticks.push_back(std::pow(base, i));
  return ticks;
}

std::vector<double> decimal_ticks(double low, double high, int ticks_max) {
  std::vector<double> decades = power_ticks(low, high, 10.0, ticks_max);
  if (decades.size() >= 3) return decades;
  std::vector<double> ticks;
  for (double power = std::pow(10.0, std::floor(std::log10(low))); power <= high; power *= 10.0) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor * power >= low && factor * power <= high) ticks.push_back(factor * power);
    }
  }
  return ticks.size() >= 2 ? ticks : linear_ticks(low, high, ticks_max);
}

AxisRange logarithmic_range(double low, double high, const PlotAxis& axis, int ticks_max) {
  const double pad = std::max(1.12, std::pow(high / low, 0.06));
  AxisRange range{low / pad, high * pad, {}};
  const bool binary = axis.quantity == Quantity::bytes || axis.quantity == Quantity::plain;
  range.ticks =
      binary ? power_ticks(range.low, range.high, 2.0, ticks_max) : decimal_ticks(range.low, range.high, ticks_max);
  if (range.ticks.size() < 2) range.ticks = {low, high};
  if (low == high) range.ticks = {low};
  return range;
}

/// Without the zeros after the point that a round number need not have: "1.00 ms" is "1 ms".
std::string shortened(std::string text) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos) return text;
  std::size_t end = text.find(' ', point);
  if (end == std::string::npos) end = text.size();
  std::size_t keep = end;
  while (text[keep - 1] == '0') --keep;
  if (text[keep - 1] == '.') --keep;
  return text.erase(keep, end - keep);
}

}  // namespace

AxisRange axis_range(const std::vector<double>& values, const PlotAxis& axis, int ticks_max) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (axis.scale == Scale::logarithmic)
    return values.empty() ? logarithmic_range(1.0, 10.0, axis, ticks_max)
                          : logarithmic_range(*least, *most, axis, ticks_max);
  const double low = values.empty() ? 0.0 : std::min(0.0, *least);
  double high = values.empty() ? 1.0 : std::max(0.0, *most);
  if (high - low < 1e-30) high = low + 1.0;  // no step of such an axis would get anywhere
  high += 0.06 * (high - low);
  return {low, high, linear_ticks(low, high, ticks_max)};
}

std::string tick_label(double value, Quantity quantity) {
  switch (quantity) {
    case Quantity::bytes:
      return shortened(human_bytes(value));
    case Quantity::time:
      return shortened(human_time(value));
    case Quantity::percent:
      return fmt::format("{:g} %", 100.0 * value);
    case Quantity::error:
      return fmt::format("{:.0e}", value);
    case Quantity::plain:
      break;
  }
  if (value >= 10'000.0 && value == std::floor(value) && std::fmod(value, 1024.0) == 0.0)
    return value >= 0x1p20 && std::fmod(value, 0x1p20) == 0.0 ? fmt::format("{:g}M", value / 0x1p20)
                                                              : fmt::format("{:g}K", value / 1024.0);
  return fmt::format("{:g}", value);
}

double position_in(const AxisRange& range, double value, Scale scale) {
  if (scale == Scale::linear) return (value - range.low) / (range.high - range.low);
  return std::log(value / range.low) / std::log(range.high / range.low);
}

}  // namespace ringattn
