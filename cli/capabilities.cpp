#include "cli/machine.h"
#include "config/names.h"

namespace ringattn {

Capabilities capabilities(const TorchFacts& facts) {
  Capabilities result;
  result.cuda_devices = facts.cuda_build.available ? facts.cuda_devices : 0;
  result.cuda_reason = facts.cuda_build.available ? facts.cuda_runtime.detail : facts.cuda_build.detail;
  result.nccl = facts.nccl.available;
  result.nccl_reason = facts.nccl.detail;
  result.layouts = {Layout::contiguous, Layout::zigzag, Layout::striped, Layout::hilbert};
  result.dropout = true;
  result.backends.clear();
  for (const Ability& backend : facts.backends) {
    if (backend.available) result.backends.push_back(parse<Backend>(backend.name, "backend"));
  }
  return result;
}

}  // namespace ringattn
