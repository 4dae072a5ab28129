// With measure/cuda_requests.cpp one of the two files outside kernels/ that need CUDA's headers: while work is
// recorded, LibTorch's allocator has to take memory from a pool that nobody else is given any of.
#include "attention/work_graph.h"

#include "config/error.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();
  throw RuntimeFailure(fmt::format("CUDA graph: {}: {}", what, cudaGetErrorString(error)));
}

struct OwnedGraph {
  OwnedGraph() = default;
  ~OwnedGraph() {
    if (graph != nullptr) (void)cudaGraphDestroy(graph);
  }
  OwnedGraph(const OwnedGraph&) = delete;
  OwnedGraph& operator=(const OwnedGraph&) = delete;
  cudaGraph_t graph = nullptr;
};

}  // namespace

struct GraphMemory::Impl {
  Impl(c10::DeviceIndex index, bool goes_first)
      : device(index), pool(at::cuda::graph_pool_handle()), stream(c10::cuda::getStreamFromPool(goes_first, index)) {}

  c10::DeviceIndex device;
  c10::MempoolId_t pool;
  c10::cuda::CUDAStream stream;  ///< of recording alone: no work is ever done there
  int uses = 0;
};

GraphMemory::GraphMemory(const c10::Device& device, Urgency urgency)
    : impl_(std::make_unique<Impl>(device.index(), urgency == Urgency::first)) {}

GraphMemory::~GraphMemory() {
  for (int i = 0; i < impl_->uses; ++i) allocator::releasePool(impl_->device, impl_->pool);
}

struct WorkGraph::Impl {
  ~Impl() {
    if (exec != nullptr) (void)cudaGraphExecDestroy(exec);
  }
  cudaGraphExec_t exec = nullptr;  ///< null where nothing was queued
};

WorkGraph::WorkGraph(GraphMemory& memory, const std::function<void()>& queue) : impl_(std::make_unique<Impl>()) {
  GraphMemory::Impl& shared = *memory.impl_;
  const c10::cuda::CUDAStreamGuard guard(shared.stream);
  const cudaStream_t stream = shared.stream.stream();
  allocator::beginAllocateToPool(shared.device, shared.pool, [stream](cudaStream_t of) { return of == stream; });
  ++shared.uses;
  OwnedGraph recorded;
  try {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
    try {
      queue();
    } catch (...) {
      (void)cudaStreamEndCapture(stream, &recorded.graph);
      (void)cudaGetLastError();
      throw;
    }
    check(cudaStreamEndCapture(stream, &recorded.graph), "end");
  } catch (...) {
    allocator::endAllocateToPool(shared.device, shared.pool);
    throw;
  }
  allocator::endAllocateToPool(shared.device, shared.pool);
  std::size_t nodes = 0;
  check(cudaGraphGetNodes(recorded.graph, nullptr, &nodes), "count");
  if (nodes > 0)
    check(cudaGraphInstantiate(&impl_->exec, recorded.graph, cudaGraphInstantiateFlagUseNodePriority), "make");
}

WorkGraph::~WorkGraph() = default;
WorkGraph::WorkGraph(WorkGraph&&) noexcept = default;
WorkGraph& WorkGraph::operator=(WorkGraph&&) noexcept = default;

void WorkGraph::launch() const {
  if (impl_->exec != nullptr) check(cudaGraphLaunch(impl_->exec, c10::cuda::getCurrentCUDAStream().stream()), "launch");
}

}  // namespace ringattn
