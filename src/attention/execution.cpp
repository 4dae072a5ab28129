#include "attention/execution.h"

#include <ATen/ATen.h>

#include <utility>

namespace ringattn {

Execution::Execution(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend,
                     const ExecutorOptions& options)
    : plan_(plan), reader_(plan, inputs), backend_(backend), options_(options) {}

void Execution::begin() {
  if (is_single_tile(plan_)) return;
  const at::Tensor& query = reader_.query();
  if (!query.is_cpu() && plan_.pattern.states == 1) {
    device_state_.emplace(plan_, query, plan_.pattern.scale);
    return;
  }
  for (std::int64_t i = 0; i < plan_.pattern.states; ++i)
    states_.emplace_back(reader_.batch(), plan_.rows, query.size(2), reader_.head_dim(), dtype(), query.device());
}

void Execution::run(const Step& step, const std::vector<KeyValue>& regions) {
  run_tiles(step, regions,
            [this](const PlanTile& tile, const TileCall& call, const TileRows& rows, const Partial& partial) {
              if (states_.empty() && !device_state_)
                single_result_ = {partial.out.transpose(1, 2), partial.lse};
              else
                merge_tile(tile, call, rows, partial);
            });
  if (options_.after_step) tell(step);
}

std::vector<Execution::CallPartial> Execution::attend(const Step& step, const std::vector<KeyValue>& regions) {
  std::vector<CallPartial> done;
  run_tiles(step, regions, [&](const PlanTile&, const TileCall& call, const TileRows&, Partial partial) {
    done.push_back({tiles_begun_ - 1, call, std::move(partial)});
  });
  return done;
}

void Execution::merge(const CallPartial& done) {
  device_state_->merge(done.tile, done.partial, done.call.heads, done.call.query, done.call.batch_begin);
}

Partial Execution::result() {
  if (device_state_) return device_state_->finish();
  if (states_.empty()) return std::move(single_result_);
  return states_.size() == 1 ? states_.front().finish(dtype(), plan_.pattern.scale) : mean_of_states();
}

std::vector<Partial> Execution::results_of_states() {
  std::vector<Partial> results;
  for (RunningState& state : states_) results.push_back(state.finish(dtype(), 1.0));
  return results;
}

void Execution::tell(const Step& step) const {
  if (!reader_.query().is_cpu()) return;
  if (!states_.empty()) return options_.after_step(step, states_);
  if (!single_result_.out.defined()) return;
  const RunningState only(single_result_.out, single_result_.lse.transpose(1, 2));
  options_.after_step(step, {&only, 1});
}

void Execution::run_tiles(const Step& step, const std::vector<KeyValue>& regions, const TakePartial& take) {
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
      reader_.read(tile, call, rows, positions, [&](const BlockInputs& inputs) { partial = backend_.forward(inputs); });
      take(tile, call, rows, std::move(partial));
    }
  }
}

void Execution::merge_tile(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Partial& partial) {
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
Partial Execution::mean_of_states() {
  const at::ScalarType wide = state_dtype(dtype());
  at::Tensor sum = states_.front().finish(wide, plan_.pattern.scale).out;
  while (states_.size() > 1) {
    sum.add_(states_.back().finish(wide, plan_.pattern.scale).out);
    states_.pop_back();
  }
  return {sum.to(dtype()), at::Tensor()};
}

}  // namespace ringattn
