#include "measure/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace ringattn {
namespace {

/// Receives every allocation (size > 0) and free (size < 0) of the threads that carry it. LibTorch hands it on to
/// threads that it starts for this one (autograd, inter-op), hence the lock.
class Account final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* address, int64_t bytes, size_t, size_t, c10::Device) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    forget(address);  // also when another thread freed it, unseen, and the address is back
    if (bytes <= 0) return;
    blocks_[address] = bytes;
    use_.live_bytes += bytes;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.live_bytes);
    use_.largest_bytes = std::max<std::int64_t>(use_.largest_bytes, bytes);
    ++use_.allocations;
  }

  bool memoryProfilingEnabled() const override { return true; }

  MemoryUse use() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

 private:
  void forget(void* address) {
    const auto block = blocks_.find(address);
    if (block == blocks_.end()) return;
    use_.live_bytes -= block->second;
    blocks_.erase(block);
  }

  mutable std::mutex mutex_;
  MemoryUse use_;
  std::unordered_map<void*, std::int64_t> blocks_;
};

}  // namespace

struct MemoryMeter::Impl {
  std::shared_ptr<Account> account = std::make_shared<Account>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, account};
};

MemoryMeter::MemoryMeter() : impl_(std::make_unique<Impl>()) {}
MemoryMeter::~MemoryMeter() = default;

MemoryUse MemoryMeter::use() const { return impl_->account->use(); }

}  // namespace ringattn
