#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ringattn {
namespace {

const std::array<Unit, 5> byte_units{{{"B", 1.0}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}}};
const std::array<Unit, 4> time_units{{{"ns", 1.0}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
const std::array<Unit, 4> rate_units{{{"MFLOP/s", 1e6}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}}};

/// The largest unit of which `value` is at least one, else the smallest.
template <std::size_t N>
Unit unit_for(const std::array<Unit, N>& units, double value) {
  Unit chosen = units.front();
  for (const Unit& unit : units) {
    if (value >= unit.size) chosen = unit;
  }
  return chosen;
}

double median_of_positive(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !(value > 0.0); });
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string with_unit(double value, const Unit& unit) { return in_unit(value, unit) + " " + unit.name; }

}  // namespace

std::string in_unit(double value, const Unit& unit) {
  const double amount = value / unit.size;
  if (!std::isfinite(amount)) return "–";
  if (unit.size == 1.0 && amount == std::floor(amount)) return fmt::format("{:.0f}", amount);
  if (amount == 0.0) return "0";
  if (std::abs(amount) >= 99.95) return fmt::format("{:.0f}", amount);
  if (std::abs(amount) >= 9.995) return fmt::format("{:.1f}", amount);
  return fmt::format("{:.2f}", amount);
}

std::string human_bytes(double bytes) { return with_unit(bytes, unit_for(byte_units, bytes)); }

std::string human_time(double time_ns) {
  constexpr double second = 1e9;
  if (time_ns < 100.0 * second) return with_unit(time_ns, unit_for(time_units, time_ns));
  const auto seconds = static_cast<std::int64_t>(std::llround(time_ns / second));
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string human_flop_rate(double flops, double time_ns) {
  if (!(time_ns > 0.0)) return "–";
  const double per_second = flops / time_ns * 1e9;
  return with_unit(per_second, unit_for(rate_units, per_second));
}

std::string human_ratio(double ratio) {
  if (!std::isfinite(ratio)) return "–";
  return fmt::format("{:.{}f}×", ratio, ratio >= 9.995 ? 1 : 2);
}

std::string human_error(double error) { return error == 0.0 ? "0" : fmt::format("{:.1e}", error); }

std::string human_count(std::int64_t count) {
  const std::string digits = std::to_string(count);
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t left = digits.size() - i;
    if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

Unit byte_unit(const std::vector<double>& bytes) { return unit_for(byte_units, median_of_positive(bytes)); }

Unit time_unit(const std::vector<double>& time_ns) { return unit_for(time_units, median_of_positive(time_ns)); }

}  // namespace ringattn
