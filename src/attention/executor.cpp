#include "attention/executor.h"

#include "attention/device_state.h"
#include "attention/running_state.h"
#include "attention/tile_reader.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <optional>
#include <utility>

namespace ringattn {
namespace {

class Execution {
 public:
  Execution(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend, const ExecutorOptions& options)
      : plan_(plan), reader_(plan, inputs), backend_(backend), options_(options) {
    if (is_single_tile(plan_)) return;
    const at::Tensor& query = reader_.query();
    if (!query.is_cpu() && plan_.pattern.states == 1) {
      device_state_.emplace(plan_, query, plan_.pattern.scale);
      return;
    }
    for (std::int64_t i = 0; i < plan_.pattern.states; ++i)
      states_.emplace_back(reader_.batch(), plan_.rows, query.size(2), reader_.head_dim(), dtype(), query.device());
  }

  void run(Communicator& communicator) {
    walk_ring(plan_, reader_.own(), reader_.cost_shape(), communicator, options_,
              [this](const Step& step, const std::vector<KeyValue>& regions) {
                run_tiles(step, regions);
                if (options_.after_step) tell(step);
              });
  }

  Partial result() {
    if (device_state_) return device_state_->finish();
    if (states_.empty()) return std::move(single_result_);
    return states_.size() == 1 ? states_.front().finish(dtype(), plan_.pattern.scale) : mean_of_states();
  }

  /// Each state's own result, not scaled.
  std::vector<Partial> results_of_states() {
    std::vector<Partial> results;
    for (RunningState& state : states_) results.push_back(state.finish(dtype(), 1.0));
    return results;
  }

 private:
  at::ScalarType dtype() const { return reader_.query().scalar_type(); }

  void tell(const Step& step) const {
    if (!reader_.query().is_cpu()) return;
    if (!states_.empty()) return options_.after_step(step, states_);
    if (!single_result_.out.defined()) return;
    const RunningState only(single_result_.out, single_result_.lse.transpose(1, 2));
    options_.after_step(step, {&only, 1});
  }

  void run_tiles(const Step& step, const std::vector<KeyValue>& regions) {
    const TileReader::Positions positions = reader_.region_positions(step);
    for (const PlanTile& tile : step.tiles) {
      ++tiles_begun_;
      const bool is_own = tile.region == RowSource::kOwn;
      const TileRows rows =
          reader_.rows_of(tile, is_own ? reader_.own() : regions[static_cast<std::size_t>(tile.region)]);
      const CallLimits limits =
          call_limits(plan_, tile, partial_bytes_limit(options_, reader_.query().device()), reader_.mask_batch());
      for (const TileCall& call : tile_calls(tile, reader_.batch(), reader_.head_dim(), limits)) {
        Partial partial;
        reader_.read(tile, call, rows, positions,
                     [&](const BlockInputs& inputs) { partial = backend_.forward(inputs); });
        if (states_.empty() && !device_state_)
          single_result_ = {partial.out.transpose(1, 2), partial.lse};
        else
          merge(tile, call, rows, partial);
      }
    }
  }

  void merge(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Partial& partial) {
    const std::int64_t* index =
        tile.query_index.empty() ? nullptr : rows.query_index.const_data_ptr<std::int64_t>() + call.query.first;
    if (device_state_) {
      const std::size_t number = tiles_begun_ - 1;
      if (index != nullptr) return device_state_->merge(number, partial, call.heads, index);
      return device_state_->merge(number, partial, call.heads, call.query, call.batch_begin);
    }
    RunningState& state = states_[states_.size() > 1 ? static_cast<std::size_t>(tile.pair) : 0];
    if (index != nullptr)
      state.merge(partial, call.heads, index);
    else
      state.merge(partial, call.heads, call.query, call.batch_begin);
  }

  /// Σ_i out_i / G; the sum is the first state's memory.
  Partial mean_of_states() {
    const at::ScalarType wide = state_dtype(dtype());
    at::Tensor sum = states_.front().finish(wide, plan_.pattern.scale).out;
    while (states_.size() > 1) {
      sum.add_(states_.back().finish(wide, plan_.pattern.scale).out);
      states_.pop_back();
    }
    return {sum.to(dtype()), at::Tensor()};
  }

  const Plan& plan_;
  TileReader reader_;
  const BlockBackend& backend_;
  const ExecutorOptions& options_;
  std::vector<RunningState> states_;         // one, or one a pair under join mean; none where one call is the result
  std::optional<DeviceState> device_state_;  // in their place on a GPU, where there is one
  std::size_t tiles_begun_ = 0;
  Partial single_result_;
};

}  // namespace

std::int64_t partial_bytes_limit(const ExecutorOptions& options, const at::Device& device) {
  return device.is_cpu() ? options.partial_bytes_max * at::get_num_threads() : 0;
}

Partial execute(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
                const ExecutorOptions& options) {
  // Nothing here is differentiated by LibTorch, and on a GPU the host must keep ahead of the kernels.
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  Execution execution(plan, inputs, backend, options);
  execution.run(communicator);
  return execution.result();
}

std::vector<Partial> execute_pairs(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                                   const BlockBackend& backend, const ExecutorOptions& options) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  Execution execution(plan, inputs, backend, options);
  execution.run(communicator);
  return execution.results_of_states();
}

}  // namespace ringattn
