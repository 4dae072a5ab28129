// With attention/work_graph.cpp one of the two files outside kernels/ that need CUDA's headers: LibTorch's CUDA
// allocator reports blocks as it rounds them, and requests only to the tracers of its own interface.
#include "measure/cuda_requests.h"

#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <mutex>
#include <utility>

namespace ringattn {
namespace {

thread_local CudaRequests* requests_of_thread = nullptr;

void tell(const c10::CachingDeviceAllocator::TraceEntry& entry) {
  using Action = c10::CachingDeviceAllocator::TraceEntry::Action;
  if (requests_of_thread == nullptr) return;
  if (entry.action_ == Action::ALLOC)
    requests_of_thread->requested(entry.addr_, static_cast<std::int64_t>(entry.size_));
  if (entry.action_ == Action::FREE_REQUESTED) requests_of_thread->released(entry.addr_);
}

}  // namespace

CudaRequests* exchange_cuda_requests(CudaRequests* receiver) {
  static std::once_flag attached;
  std::call_once(attached, [] {
    at::globalContext().lazyInitDevice(at::kCUDA);
    c10::cuda::CUDACachingAllocator::attachAllocatorTraceTracker(tell);
  });
  return std::exchange(requests_of_thread, receiver);
}

}  // namespace ringattn
