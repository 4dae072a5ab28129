#include "measure/memory_meter.h"

#include "measure/cuda_requests.h"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace ringattn {
namespace {

/// What is alive, and its peak.
class Ledger {
 public:
  void add(std::uintptr_t address, std::int64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    forget(address);  // also when another thread freed it, unseen, and the address is back
    if (bytes <= 0) return;
    blocks_[address] = bytes;
    use_.live_bytes += bytes;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.live_bytes);
    use_.largest_bytes = std::max<std::int64_t>(use_.largest_bytes, bytes);
    ++use_.allocations;
  }

  MemoryUse use() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

 private:
  void forget(std::uintptr_t address) {
    const auto block = blocks_.find(address);
    if (block == blocks_.end()) return;
    use_.live_bytes -= block->second;
    blocks_.erase(block);
  }

  mutable std::mutex mutex_;
  MemoryUse use_;
  std::unordered_map<std::uintptr_t, std::int64_t> blocks_;
};

}  // namespace

/// Meters from construction to destruction.
struct MemoryMeter::Impl {
  virtual ~Impl() = default;
  virtual MemoryUse use() const = 0;
};

namespace {

/// Receives every allocation (size > 0) and free (size < 0) of the threads that carry it. LibTorch hands it on to
/// threads that it starts for this one (autograd, inter-op), hence the ledger's lock.
class Account final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* address, int64_t bytes, size_t, size_t, c10::Device device) override {
    if (device.is_cpu()) ledger.add(reinterpret_cast<std::uintptr_t>(address), bytes);
  }
  bool memoryProfilingEnabled() const override { return true; }

  Ledger ledger;
};

}  // namespace

namespace {

/// Matrix products take one workspace a thread and stream at their first call and keep it: no call's own.
void take_shared_workspace() {
  thread_local bool is_taken = false;
  if (std::exchange(is_taken, true)) return;
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor small = at::ones({1, 16, 16}, at::TensorOptions(type).device(at::kCUDA));
    (void)at::matmul(small, small);
    (void)at::matmul(small.squeeze(0), small.squeeze(0));
  }
}

}  // namespace

struct MemoryMeter::OfCpu final : Impl {
  MemoryUse use() const override { return account->ledger.use(); }

  std::shared_ptr<Account> account = std::make_shared<Account>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, account};
};

struct MemoryMeter::OfCuda final : Impl, CudaRequests {
  OfCuda() : outer(nullptr) {
    take_shared_workspace();
    outer = exchange_cuda_requests(this);
  }
  ~OfCuda() override { exchange_cuda_requests(outer); }
  OfCuda(const OfCuda&) = delete;
  OfCuda& operator=(const OfCuda&) = delete;

  MemoryUse use() const override { return ledger.use(); }
  void requested(std::uintptr_t address, std::int64_t bytes) override { ledger.add(address, bytes); }
  void released(std::uintptr_t address) override { ledger.add(address, 0); }

  Ledger ledger;
  CudaRequests* outer;
};

MemoryMeter::MemoryMeter(const c10::Device& device) {
  if (device.is_cpu())
    impl_ = std::make_unique<OfCpu>();
  else
    impl_ = std::make_unique<OfCuda>();
}
MemoryMeter::~MemoryMeter() = default;

MemoryUse MemoryMeter::use() const { return impl_->use(); }

}  // namespace ringattn
