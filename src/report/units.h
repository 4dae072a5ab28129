#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

// Numbers for people. A column shares one unit, so that its numbers can be compared at a glance.

/// "9.5 MiB", "0 B", "1.50 GiB": three significant figures.
std::string human_bytes(double bytes);
/// "1.31 ms", "420 ns", "2.10 s", "3 min 20 s".
std::string human_time(double time_ns);
/// "640 GFLOP/s", "1.25 TFLOP/s" of `flops` done in `time_ns`; "–" when time_ns is not positive.
std::string human_flop_rate(double flops, double time_ns);
/// "1.31×".
std::string human_ratio(double ratio);
/// "7.1e-07": two significant figures; "0", "nan", "inf".
std::string human_error(double error);
/// "12,288".
std::string human_count(std::int64_t count);

/// A unit and what one of it is.
struct Unit {
  std::string name;
  double size = 1.0;
};
/// The unit for a whole column of byte counts (B, KiB, MiB, GiB, TiB), or of times (ns, µs, ms, s): the largest in
/// which the median of the positive values is at least 1.
Unit byte_unit(const std::vector<double>& bytes);
Unit time_unit(const std::vector<double>& time_ns);
/// The value in that unit, with up to three significant figures and no exponent.
std::string in_unit(double value, const Unit& unit);

}  // namespace ringattn
