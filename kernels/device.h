#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn::kernels {

/// What the driver says of a GPU.
struct DeviceFacts {
  std::string name;
  int capability_major = 0;
  int capability_minor = 0;
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t l2_bytes = 0;
};

/// Every GPU that can be seen; none without CUDA kernels, a driver or a device.
std::vector<DeviceFacts> cuda_devices();

/// Newest CUDA that the driver knows, and that of the runtime: "13.0"; "" where there is none.
std::string cuda_driver_version();

}  // namespace ringattn::kernels
