#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// A GPU's clocks and what holds them down, now.
struct GpuClocks {
  unsigned sm_mhz = 0;
  unsigned sm_mhz_max = 0;
  unsigned memory_mhz = 0;
  unsigned temperature_c = 0;
  double power_w = 0.0;
  /// "power cap", "thermal", …; empty: nothing but having no work
  std::vector<std::string> throttled_by{};
};

/// Asked of the driver's management library (libnvidia-ml), which is loaded when first needed; none where there is
/// none.
std::optional<GpuClocks> gpu_clocks(unsigned device = 0);
/// "580.95.05"; "" where the library is missing.
std::string gpu_driver_version();

/// "SM 1980 of 1980 MHz, memory 3201 MHz, 54 C, 312 W, not throttled".
std::string to_text(const GpuClocks& clocks);

}  // namespace ringattn
