#include "report/units.h"

#include <doctest/doctest.h>

#include <limits>

namespace ringattn {
namespace {

TEST_CASE("bytes, times, rates and counts are written for people") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(9961472) == "9.50 MiB");
  CHECK(human_bytes(71303168) == "68.0 MiB");
  CHECK(human_bytes(1.5 * 0x1p40) == "1.50 TiB");
  CHECK(human_time(420) == "420 ns");
  CHECK(human_time(1310000) == "1.31 ms");
  CHECK(human_time(200e9) == "3 min 20 s");
  CHECK(human_time(7500e9) == "2 h 5 min");
  CHECK(human_flop_rate(4294967296, 2100000) == "2.05 TFLOP/s");
  CHECK(human_flop_rate(1, 0) == "–");
  CHECK(human_ratio(1.306) == "1.31×");
  CHECK(human_ratio(14.22) == "14.2×");
  CHECK(human_error(7.13e-7) == "7.1e-07");
  CHECK(human_error(0) == "0");
  CHECK(human_error(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(human_count(12288) == "12,288");
  CHECK(human_count(-1234567) == "-1,234,567");
  CHECK(human_count(-123) == "-123");
  CHECK(human_count(999) == "999");
}

TEST_CASE("a column has one unit, that of its median") {
  const Unit unit = byte_unit({0, 71303168, 9961472, 100});
  CHECK(unit.name == "MiB");
  CHECK(in_unit(9961472, unit) == "9.50");
  CHECK(in_unit(0, unit) == "0");
  CHECK(in_unit(1024, unit) == "0.00");
  CHECK(byte_unit({}).name == "B");
  CHECK(time_unit({2e6, 3e6}).name == "ms");
}

}  // namespace
}  // namespace ringattn
