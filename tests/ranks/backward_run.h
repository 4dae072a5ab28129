#pragma once

#include "attention/running_state.h"
#include "comm/world.h"
#include "measure/backward_price.h"
#include "measure/memory_meter.h"
#include "plan/backward_cost.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <mutex>
#include <utility>
#include <vector>

namespace ringattn::testing {

/// What the backward pass of all ranks gave and cost.
struct BackwardRun {
  Gradients gradients;  ///< of all n rows
  std::vector<MemoryUse> memory;
  std::vector<std::int64_t> malloc_largest_bytes;
  std::vector<std::int64_t> priced_peak_bytes;
  std::vector<BackwardCost> cost;
  Traffic traffic;  ///< of the backward pass alone
};

/// Forward, then backward, on `ranks` rank threads; inputs lie among NaN rows as in run_ring.
inline BackwardRun run_backward(const RingAttentionConfig& config, const RankInputs& full, const at::Tensor& grad_out,
                                const Problem& problem, int ranks, int threads = 1,
                                const at::Device& device = test_device()) {
  RingAttention attention(config, problem, ranks);
  const auto size = static_cast<std::size_t>(ranks);
  const auto nan_like = [](const at::Tensor& tensor) { return at::full(tensor.sizes(), NAN, tensor.options()); };
  BackwardRun run{.gradients = {nan_like(full.query), nan_like(full.key), nan_like(full.value)},
                  .memory = std::vector<MemoryUse>(size),
                  .malloc_largest_bytes = std::vector<std::int64_t>(size),
                  .priced_peak_bytes = std::vector<std::int64_t>(size),
                  .cost = std::vector<BackwardCost>(size),
                  .traffic = {}};
  World world(ranks, on_devices({}, device.type()));
  std::vector<Partial> results(size);
  std::vector<RankInputs> inputs(size);
  world.run([&](Communicator& communicator) {
    at::set_num_threads(threads);
    const auto r = static_cast<std::size_t>(communicator.rank());
    inputs[r] = rank_inputs(full, attention, communicator.rank(), ranks, device);
    results[r] = attention.forward(communicator, inputs[r]);
  });
  world.reset_traffic();
  std::mutex gather;
  world.run([&](Communicator& communicator) {
    at::set_num_threads(threads);
    const int rank = communicator.rank();
    const auto r = static_cast<std::size_t>(rank);
    const Positions own = attention.query_positions(rank, ranks);
    const PriceShape shape = price_shape(inputs[r]);
    run.priced_peak_bytes[r] = price_backward_peak(attention, rank, shape).peak_bytes();
    run.cost[r] =
        backward_cost_of(attention.plan(rank), attention.returns(rank), cost_shape(shape, attention.function()));
    // Kernels want it contiguous, and a single call gets it as it is.
    const at::Tensor own_grad = rows_among_nan(grad_out, own, device).contiguous();
    Gradients part;
    {
      const MemoryMeter meter(own_grad.device());
      const MallocWatch watch;
      part = attention.backward(communicator, inputs[r], results[r], own_grad);
      if (own_grad.is_cpu()) run.malloc_largest_bytes[r] = watch.use().largest_bytes;
      run.memory[r] = meter.use();
    }
    part = {part.query.cpu(), part.key.cpu(), part.value.cpu()};
    const at::Tensor index = at::tensor(expand(own), at::kLong);
    const std::scoped_lock lock(gather);
    run.gradients.query.index_copy_(1, index, part.query);
    run.gradients.key.index_copy_(1, index, part.key);
    run.gradients.value.index_copy_(1, index, part.value);
  });
  run.traffic = world.traffic();
  return run;
}

}  // namespace ringattn::testing
