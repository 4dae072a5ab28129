#include "cli/machine.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#ifndef RINGATTN_WITH_CUDA
#define RINGATTN_WITH_CUDA 0
#endif

namespace ringattn {
namespace {

std::string dotted(long version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

Ability runtime(int devices) {
  const bool has_cuda = at::hasCUDA();
  if (devices > 0) return {"CUDA runtime", true, dotted(at::detail::getCUDAHooks().versionCUDART())};
  const bool is_built = at::detail::getCUDAHooks().hasCUDART();
  return {"CUDA runtime", false,
          is_built || has_cuda ? "no GPU is visible" : "LibTorch finds no CUDA driver, or was built without CUDA"};
}

}  // namespace

TorchFacts torch_facts() {
  TorchFacts facts;
  facts.version = TORCH_VERSION;
  facts.intra_op_threads = at::get_num_threads();
  facts.cuda_devices = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().getNumGPUs()) : 0;
  const bool with_kernels = RINGATTN_WITH_CUDA != 0;
  facts.cuda_build = {
      "CUDA kernels", with_kernels,
      with_kernels ? "built in" : "this build has none (RINGATTN_CUDA=OFF, or no CUDA 13 toolkit was found)"};
  facts.cuda_runtime = runtime(facts.cuda_devices);
  facts.nccl = {"NCCL", false, "ranks are threads of this process in this version; NCCL is not built in yet"};
  facts.backends = {{"reference", true, "plain tensor operations"},
                    {"sdpa", true, "LibTorch's flash attention with logsumexp"},
                    {"fused", false, "needs CUDA kernels that this version does not have yet"}};
  return facts;
}

}  // namespace ringattn
