#pragma once

#include <cstdint>

namespace ringattn {

/// Told of what one thread asks of LibTorch's CUDA allocator, in bytes as requested, before it rounds them up.
class CudaRequests {
 public:
  virtual ~CudaRequests() = default;
  virtual void requested(std::uintptr_t address, std::int64_t bytes) = 0;
  virtual void released(std::uintptr_t address) = 0;
};

/// Who is told of the calling thread's requests from now on (null: nobody); returns who was. A build without CUDA
/// tells nobody of anything.
CudaRequests* exchange_cuda_requests(CudaRequests* receiver);

}  // namespace ringattn
