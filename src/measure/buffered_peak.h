#pragma once

#include <cstdint>

namespace ringattn {

/// The moment at which receive buffers and a kernel call's memory take most, of all that it is told of.
struct BufferedPeak {
  std::int64_t buffer_bytes = 0;
  std::int64_t kernel_bytes = 0;

  /// The first of equals stays.
  void meet(std::int64_t its_buffer_bytes, std::int64_t its_kernel_bytes) {
    if (its_buffer_bytes + its_kernel_bytes <= buffer_bytes + kernel_bytes) return;
    buffer_bytes = its_buffer_bytes;
    kernel_bytes = its_kernel_bytes;
  }
};

}  // namespace ringattn
