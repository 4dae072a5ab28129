#include "ring/memory_estimate.h"

#include "config/error.h"
#include "plan/backward_cost.h"
#include "plan/buffers.h"
#include "ring/ring_attention.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

std::int64_t largest(const std::vector<std::int64_t>& list) {
  return list.empty() ? 0 : *std::max_element(list.begin(), list.end());
}

}  // namespace

double MemoryEstimate::ratio() const {
  return static_cast<double>(input_bytes + forward_bytes) /
         static_cast<double>(input_bytes + forward_bytes + all_gather_bytes);
}

MemoryEstimate estimate_memory_usage(const RingAttentionConfig& config, const Problem& problem,
                                     const EstimateShape& shape, int world_size) {
  const std::int64_t ranks = config.ring_size.value_or(world_size);
  if (world_size < 1 || world_size % ranks != 0)
    throw UsageError(fmt::format("ring_size: {} must divide the number of ranks, {}", ranks, world_size));
  RingAttention attention(config, problem, static_cast<int>(ranks));
  const AttentionFunction& function = attention.function();
  const std::int64_t element = element_bytes(shape.dtype);
  const CostShape cost{.batch = shape.batch,
                       .head_dim = shape.head_dim,
                       .element_bytes = element,
                       .state_bytes = std::max<std::int64_t>(4, element)};
  const ExecutorOptions options = attention.executor_options();
  const std::int64_t key_row = 2 * function.key_heads() * shape.batch * shape.head_dim * element;
  const std::int64_t query_row = function.heads * shape.batch * shape.head_dim * element;
  MemoryEstimate estimate{.all_gather_bytes = problem.seq_len * key_row};
  for (int rank = 0; rank < static_cast<int>(ranks); ++rank) {
    const Plan& plan = attention.plan(rank);
    const Cost forward = cost_of(plan, cost);
    const std::int64_t buffers = largest(live_buffer_bytes(plan, cost, options.buffers, options.overlap_communication));
    const bool is_single = forward.state_bytes == 0;
    const std::int64_t result = plan.rows * query_row;
    const std::int64_t above = is_single ? result : forward.state_bytes + std::max(buffers, forward.result_bytes);
    const std::int64_t inputs = plan.rows * (query_row + key_row);
    if (rank == 0 || inputs + above > estimate.input_bytes + estimate.forward_bytes) {
      estimate.rank = rank;
      estimate.input_bytes = inputs;
      estimate.forward_bytes = above;
    }
    const BackwardCost backward = backward_cost_of(plan, attention.returns(rank), cost);
    estimate.backward_bytes = std::max(
        estimate.backward_bytes,
        backward.state_bytes + std::max(buffers + backward.sum_bytes + backward.incoming_bytes, backward.result_bytes));
    estimate.sent_bytes = std::max(estimate.sent_bytes, forward.sent_bytes);
  }
  return estimate;
}

}  // namespace ringattn
