#include "config/communication_backend.h"
#include "config/config_fields.h"
#include "config/error.h"

#include <algorithm>
#include <utility>

namespace ringattn {
namespace {

template <typename E>
std::string listed(const std::vector<E>& values) {
  std::string text;
  for (const E value : values) text += (text.empty() ? "" : ", ") + std::string(to_string(value));
  return text;
}

template <typename E>
bool contains(const std::vector<E>& values, const E& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

void check_communication(const RingAttentionConfig& config, const Capabilities& capabilities) {
  switch (config.communication_backend) {
    case CommunicationBackend::automatic:
    case CommunicationBackend::threads:
      return;
    case CommunicationBackend::nccl:
      if (capabilities.nccl) return;
      throw Unavailable("communication_backend: nccl cannot run here: " + capabilities.nccl_reason +
                        "; use auto or threads (a rank is a thread of this process)");
    case CommunicationBackend::gloo:
      throw Unavailable(
          "communication_backend: gloo is not built in: the LibTorch wheel ships without its headers; "
          "use auto or threads, which run the same ring inside one process");
    case CommunicationBackend::mpi:
      throw Unavailable(
          "communication_backend: mpi is not built in: the survivors of a dead MPI rank cannot go on; "
          "use auto or threads (mpirun may still launch the program)");
  }
}

void check_runnable(const RingAttentionConfig& config, const Capabilities& capabilities, std::int64_t ranks) {
  check_communication(config, capabilities);
  if (config.device == Device::cuda && capabilities.cuda_devices == 0) {
    throw Unavailable("device: cuda cannot run here: " + capabilities.cuda_reason + "; use auto or cpu");
  }
  if (config.backend != Backend::automatic && !contains(capabilities.backends, config.backend)) {
    throw Unavailable("backend: " + std::string(to_string(config.backend)) + " is not in this build; it has " +
                      listed(capabilities.backends));
  }
  if (config.layout != Layout::automatic && !contains(capabilities.layouts, config.layout)) {
    throw Unavailable("layout: " + std::string(to_string(config.layout)) + " is not in this build; it has " +
                      listed(capabilities.layouts));
  }
  if (config.dropout > 0.0 && !capabilities.dropout) {
    throw Unavailable("dropout: this build cannot drop attention weights yet (got " + Json(config.dropout).dump() +
                      "); use 0");
  }
  if (config.ring_size && *config.ring_size != ranks) {
    throw UsageError("ring_size: must be null or the number of ranks, " + std::to_string(ranks) + " (got " +
                     std::to_string(*config.ring_size) + ")");
  }
}

std::vector<std::string> device_notices(const RingAttentionConfig& config, bool is_cuda) {
  std::vector<std::string> list;
  if (config.compile_mode == CompileMode::standard)
    list.emplace_back("compile_mode=default: nothing is left to compile, kernels come compiled");
  if (config.compile_mode == CompileMode::reduce_overhead && !is_cuda)
    list.emplace_back(
        "compile_mode=reduce-overhead: CUDA graphs exist on GPUs alone; on the CPU calls run as they are");
  if (!config.use_tf32 && !is_cuda)
    list.emplace_back("use_tf32=false: TF32 exists on GPUs alone; on the CPU products of fp32 are fp32 anyway");
  return list;
}

}  // namespace ringattn
