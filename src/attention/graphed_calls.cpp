#include "attention/graphed_calls.h"

#include "attention/tile_call.h"
#include "plan/cost.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ringattn {
namespace {

/// Whether the call's kernels get the tensors themselves, not copies.
bool is_read_in_place(const RankInputs& inputs) {
  return !inputs.query.is_cpu() && inputs.query.stride(3) == 1 && lies_row_by_row(inputs.key) &&
         lies_row_by_row(inputs.value) && !inputs.mask.defined();
}

/// What LibTorch calls for these inputs is one of its GPU kernels, not plain operations.
bool has_kernel(const BlockBackend& backend, const at::Tensor& query) {
  const std::string kernel = backend.kernel_on(query.device(), query.scalar_type(), query.size(3));
  return !kernel.empty() && kernel != "reference";
}

GraphBook::Place place_of(const RankInputs& inputs) {
  GraphBook::Place place{static_cast<std::int64_t>(inputs.query.scalar_type()), inputs.query.device().index()};
  for (const at::Tensor* tensor : {&inputs.query, &inputs.key, &inputs.value}) {
    place.push_back(reinterpret_cast<std::intptr_t>(tensor->const_data_ptr()));
    place.insert(place.end(), tensor->sizes().begin(), tensor->sizes().end());
    place.insert(place.end(), tensor->strides().begin(), tensor->strides().end());
  }
  return place;
}

}  // namespace

bool can_be_graphed(const Plan& plan) {
  const AttentionFunction& function = plan.pattern.function;
  if (is_single_tile(plan) || plan.pattern.states != 1 || function.dropout > 0.0 ||
      function.mask.kind != MaskKind::none)
    return false;
  return std::all_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
    return std::all_of(step.tiles.begin(), step.tiles.end(), [&](const PlanTile& tile) {
      return tile.query_index.empty() && tile.key_index.empty() && !needs_positions(function, tile.rule);
    });
  });
}

GraphedCalls::GraphedCalls(const Plan& plan) : plan_(plan), can_be_graphed_(ringattn::can_be_graphed(plan)) {}

Partial GraphedCalls::run(const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
                          const ExecutorOptions& options) {
  const bool fits = can_be_graphed_ && is_read_in_place(inputs) && has_kernel(backend, inputs.query);
  const auto [way, slot] = fits ? book_.next(place_of(inputs)) : GraphBook::Answer{};
  if (way == GraphBook::Way::run) return execute(plan_, inputs, communicator, backend, options);
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  std::unique_ptr<CallGraphs>& graphs = graphs_[slot];
  if (way == GraphBook::Way::record) {
    graphs.reset();
    try {
      graphs = std::make_unique<CallGraphs>(plan_, inputs, backend, options);
    } catch (...) {
      book_.forget(slot);
      throw;
    }
  }
  ++launched_;
  return graphs->launch(plan_, inputs, communicator, options);
}

}  // namespace ringattn
