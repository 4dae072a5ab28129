#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace ringattn {

/// What one thread allocated from LibTorch while it was metered, in bytes as requested.
struct MemoryUse {
  std::int64_t live_bytes = 0;     ///< allocated since the start and not freed yet
  std::int64_t peak_bytes = 0;     ///< highest live_bytes: the peak above the start
  std::int64_t largest_bytes = 0;  ///< largest single allocation
  std::int64_t allocations = 0;
};

/// Meters LibTorch's CPU allocator, or its CUDA allocator, on the thread that made it, from construction to destruction
/// (LIFO when nested; the inner meter hides its allocations from the outer one). This is the only file that knows
/// LibTorch's memory reporting hook.
///
/// Frees of memory from before the start don't count, whoever frees it. Memory that another thread frees stays live.
/// What a kernel's intra-op workers allocate themselves is not seen: LibTorch's kernels get their buffers on the
/// calling thread before they fan out, and the hook does not cross that border. Nor is what libraries take straight
/// from malloc. Empty tensors aren't allocations. Of a GPU it sees the requests as they were made, before the allocator
/// rounds them up or takes a larger block that it has; a kernel's workspace is among
/// them, the one that all matrix products of a thread share is not.
class MemoryMeter {
 public:
  explicit MemoryMeter(const c10::Device& device = c10::Device(c10::kCPU));
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  MemoryUse use() const;

 private:
  struct Impl;
  struct OfCpu;
  struct OfCuda;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
