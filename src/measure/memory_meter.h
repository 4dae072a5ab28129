#pragma once

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

/// Meters LibTorch's CPU and CUDA allocators on the thread that made it, from construction to destruction (LIFO when
/// nested; the inner meter hides its allocations from the outer one). This is the only file that knows LibTorch's
/// memory reporting hook.
///
/// Frees of memory from before the start don't count, whoever frees it. Memory that another thread frees stays live.
/// What a kernel's intra-op workers allocate themselves is not seen: LibTorch's kernels get their buffers on the
/// calling thread before they fan out, and the hook does not cross that border. Nor is what libraries take straight
/// from malloc. Empty tensors aren't allocations.
class MemoryMeter {
 public:
  MemoryMeter();
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  MemoryUse use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
