#include "cli/machine.h"
#include "kernels/device.h"
#include "kernels/rows.h"
#include "measure/gpu_clocks.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

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

std::string described(const kernels::DeviceFacts& gpu) {
  const std::optional<GpuClocks> clocks = gpu_clocks();
  return fmt::format("{}, {} multiprocessors, {} GiB, driver {} (CUDA {}), SM clock up to {} MHz", gpu.name,
                     gpu.multiprocessors, gpu.memory_bytes >> 30, gpu_driver_version(), kernels::cuda_driver_version(),
                     clocks ? clocks->sm_mhz_max : 0U);
}

}  // namespace

TorchFacts torch_facts() {
  TorchFacts facts;
  facts.version = TORCH_VERSION;
  facts.intra_op_threads = at::get_num_threads();
  facts.cuda_devices = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().getNumGPUs()) : 0;
  const bool with_kernels = kernels::have_cuda_kernels();
  for (const kernels::DeviceFacts& gpu : kernels::cuda_devices()) facts.gpus.push_back(described(gpu));
  facts.cuda_build = {
      "CUDA kernels", with_kernels,
      with_kernels ? "built in" : "this build has none (RINGATTN_CUDA=OFF, or no CUDA 13 toolkit was found)"};
  facts.cuda_runtime = runtime(facts.cuda_devices);
  facts.nccl = {"NCCL", false, "ranks are threads of this process in this version; NCCL is not built in yet"};
  facts.backends = {
      {"reference", true, "plain tensor operations"},
      {"sdpa", true,
       "LibTorch's attention kernels with logsumexp: flash on the CPU, cuDNN, flash or efficient on a GPU"},
      {"fused", false, "needs CUDA kernels that this version does not have yet"}};
  return facts;
}

}  // namespace ringattn
