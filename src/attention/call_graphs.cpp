#include "attention/call_graphs.h"

#include "attention/execution.h"

#include <ATen/ATen.h>

#include <utility>

namespace ringattn {
namespace {

/// They stay, so none is given back early.
constexpr BufferRule kBuffers{.uses_pool = true, .preallocates = true, .frees_early = false};

ReceiveBuffers buffers_of(const Plan& plan, const RankInputs& inputs) {
  return {plan, TileReader(plan, inputs).cost_shape(), inputs.query.device(), kBuffers};
}

KeyValue own_of(const RankInputs& inputs) { return {inputs.key, inputs.value, {}, 0}; }

}  // namespace

CallGraphs::CallGraphs(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend,
                       const ExecutorOptions& options)
    : tile_memory_{GraphMemory(inputs.query.device()), GraphMemory(inputs.query.device())},
      merge_memory_(inputs.query.device(), GraphMemory::Urgency::first),
      buffers_(buffers_of(plan, inputs)),
      lanes_(inputs.query.device()) {
  record(plan, inputs, backend, options);
}

void CallGraphs::record(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend,
                        const ExecutorOptions& options) {
  Execution execution(plan, inputs, backend, options);
  using Partials = std::vector<Execution::CallPartial>;
  const std::size_t steps = plan.steps.size();
  const auto record_tiles = [&](std::size_t i) {
    Partials partials;
    const std::vector<KeyValue> regions = buffers_.regions(plan.steps[i], i, own_of(inputs));
    tiles_.emplace_back(tile_memory_[i % 2], [&] { partials = execution.attend(plan.steps[i], regions); });
    return partials;
  };
  // What a merge lets go is taken by no earlier tiles than those that wait for it: two steps on.
  Partials partials = record_tiles(0);
  for (std::size_t i = 0; i < steps; ++i) {
    Partials later = i + 1 < steps ? record_tiles(i + 1) : Partials{};
    merges_.emplace_back(merge_memory_, [&] {
      if (i == 0) execution.begin();
      for (const Execution::CallPartial& done : partials) execution.merge(done);
      if (i + 1 == steps) result_ = execution.result();
    });
    partials = std::move(later);
  }
}

Partial CallGraphs::launch(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                           const ExecutorOptions& options) {
  ExecutorOptions walk = options;
  walk.buffers = kBuffers;
  walk.streams = &lanes_;
  std::size_t step = 0;
  const Lanes::Call call(lanes_);
  walk_ring(plan, own_of(inputs), buffers_, communicator, walk, [&](const Step&, const std::vector<KeyValue>&) {
    lanes_.run_tiles(step, [&] { tiles_[step].launch(); });
    lanes_.run_merge(step, [&] { merges_[step].launch(); });
    ++step;
  });
  return {result_.out.clone(), result_.lse.clone()};
}

}  // namespace ringattn
