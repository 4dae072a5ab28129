#include "attention/executor.h"

#include "attention/execution.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>

namespace ringattn {
namespace {

void run_all(Execution& execution, const Plan& plan, Communicator& communicator, const ExecutorOptions& options) {
  execution.begin();
  walk_ring(plan, execution.own(), execution.cost_shape(), communicator, options,
            [&](const Step& step, const std::vector<KeyValue>& regions) { execution.run(step, regions); });
}

}  // namespace

std::int64_t partial_bytes_limit(const ExecutorOptions& options, const at::Device& device) {
  return device.is_cpu() ? options.partial_bytes_max * at::get_num_threads() : 0;
}

Partial execute(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
                const ExecutorOptions& options) {
  // Nothing here is differentiated by LibTorch, and on a GPU the host must keep ahead of the kernels.
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  Execution execution(plan, inputs, backend, options);
  run_all(execution, plan, communicator, options);
  return execution.result();
}

std::vector<Partial> execute_pairs(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                                   const BlockBackend& backend, const ExecutorOptions& options) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  Execution execution(plan, inputs, backend, options);
  run_all(execution, plan, communicator, options);
  return execution.results_of_states();
}

}  // namespace ringattn
