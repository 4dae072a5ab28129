#include "attention/executor.h"

#include "attention/call_bias.h"
#include "attention/device_state.h"
#include "attention/key_value.h"
#include "attention/receive_buffers.h"
#include "attention/running_state.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

/// Global positions of the rows of a step's regions.
std::vector<std::vector<std::int64_t>> region_positions(const Step& step) {
  std::vector<std::vector<std::int64_t>> positions;
  for (const Region& region : step.regions) {
    positions.emplace_back();
    for (const Rows& run : region.positions) {
      const std::vector<std::int64_t> more = expand(run);
      positions.back().insert(positions.back().end(), more.begin(), more.end());
    }
  }
  return positions;
}

/// Whether any call of the plan is told where its rows lie.
bool any_reads_positions(const Plan& plan) {
  const auto reads = [&](const PlanTile& tile) { return needs_positions(plan.pattern.function, tile.rule); };
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [&](const Step& step) { return std::any_of(step.tiles.begin(), step.tiles.end(), reads); });
}

/// The query and the keys of a tile as its calls read them, packed where they are no progression, and where they lie.
struct TileRows {
  at::Tensor query;
  std::int64_t query_head_begin = 0;
  at::Tensor query_index{};  ///< on the device; undefined where the rows are a progression
  at::Tensor key_index{};
  KeyValue keys;
};

class Execution {
 public:
  Execution(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
            const ExecutorOptions& options)
      : plan_(plan),
        function_(plan.pattern.function),
        communicator_(communicator),
        backend_(backend),
        options_(options),
        query_(inputs.query.stride(3) == 1 ? inputs.query : inputs.query.contiguous()),
        own_{row_contiguous(inputs.key), row_contiguous(inputs.value), {}, 0},
        batch_(inputs.query.size(0)),
        dim_(inputs.query.size(3)),
        scale_(function_.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(dim_)))),
        dropout_(kernels::dropout_rule(function_.dropout, function_.dropout_seed)),
        reads_positions_(any_reads_positions(plan)) {
    if (reads_positions_) own_positions_ = expand(plan.layout.positions(plan.rank));
    if (function_.mask.kind == MaskKind::keys) own_.mask = inputs.mask;
    if (function_.mask.kind == MaskKind::scores) scores_mask_ = inputs.mask;
  }

  Partial run() {
    if (!is_single_tile(plan_)) {
      if (!query_.is_cpu() && plan_.pattern.states == 1) device_state_.emplace(plan_, query_, plan_.pattern.scale);
      for (std::int64_t i = 0; i < (device_state_ ? 0 : plan_.pattern.states); ++i)
        states_.emplace_back(batch_, plan_.rows, query_.size(2), dim_, query_.scalar_type(), query_.device());
    }
    run_steps();
    if (device_state_) return device_state_->finish();
    if (states_.empty()) return std::move(single_result_);
    return states_.size() == 1 ? states_.front().finish(query_.scalar_type(), plan_.pattern.scale) : mean_of_states();
  }

 private:
  void run_steps() {
    const ReceiveBuffers buffers(plan_, shape(), query_.device());
    std::vector<KeyValue> here;  // regions that the current step's hop brought
    Ticket pending;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const bool has_next = i + 1 < plan_.steps.size();
      std::vector<KeyValue> coming;
      Ticket next;
      const auto post_next = [&] {
        if (!has_next) return;
        // The next hop's buffer was the previous step's; what was sent from there must have been taken.
        if (pending) communicator_.wait_sent(pending);
        coming = buffers.regions(plan_.steps[i + 1], i + 1, own_);
        next = communicator_.post(exchange_of(plan_.steps[i + 1], coming, here));
      };
      if (options_.overlap_communication) post_next();
      run_tiles(plan_.steps[i], here);
      if (!options_.overlap_communication) post_next();
      if (next) communicator_.wait_received(next);
      if (next) pending = next;
      here = std::move(coming);
    }
    if (pending) communicator_.wait_sent(pending);
  }

  CostShape shape() const {
    return {.batch = batch_,
            .head_dim = dim_,
            .element_bytes = query_.element_size(),
            .state_bytes = static_cast<std::int64_t>(c10::elementSize(state_dtype(query_.scalar_type()))),
            .mask_batch = own_.mask.defined() ? own_.mask.size(0) : 0,
            .mask_bytes = own_.mask.defined() ? own_.mask.element_size() : 1};
  }

  /// What a step's transfers mean in memory: received rows go into its own regions, sent rows come from the own K/V or
  /// from the regions that the step before received.
  Exchange exchange_of(const Step& step, const std::vector<KeyValue>& regions,
                       const std::vector<KeyValue>& held) const {
    Exchange exchange{.hop = step.hop, .sends = {}, .receives = {}};
    for (const Transfer& transfer : step.sends) exchange.sends.push_back(message_of(transfer, held));
    for (const Transfer& transfer : step.receives) exchange.receives.push_back(message_of(transfer, regions));
    return exchange;
  }

  Message message_of(const Transfer& transfer, const std::vector<KeyValue>& regions) const {
    Message message{.peer = transfer.peer, .blocks = {}};
    for (const TransferPart& part : transfer.parts) {
      const bool is_own = part.source.region == RowSource::kOwn;
      add_blocks(message.blocks, is_own ? own_ : regions[static_cast<std::size_t>(part.source.region)], part);
    }
    return message;
  }

  void run_tiles(const Step& step, const std::vector<KeyValue>& regions) {
    if (step.tiles.empty()) return;
    std::vector<std::vector<std::int64_t>> positions(step.regions.size());
    if (reads_positions_) positions = region_positions(step);
    for (const PlanTile& tile : step.tiles) {
      ++tiles_begun_;
      const bool is_own = tile.region == RowSource::kOwn;
      run_tile(tile, is_own ? own_ : regions[static_cast<std::size_t>(tile.region)],
               is_own ? own_positions_ : positions[static_cast<std::size_t>(tile.region)]);
    }
  }

  void run_tile(const PlanTile& tile, const KeyValue& source, const std::vector<std::int64_t>& source_positions) {
    const TileRows rows = rows_of(tile, source);
    const std::int64_t mask_batch = scores_mask_.defined() ? scores_mask_.size(0)
                                    : own_.mask.defined()  ? own_.mask.size(0)
                                                           : 0;
    const CallLimits limits = call_limits(plan_, tile, partial_bytes_limit(options_, query_.device()), mask_batch);
    for (const TileCall& call : tile_calls(tile, batch_, dim_, limits)) {
      const Partial partial = run_call(tile, call, rows, source_positions, mask_batch);
      if (states_.empty() && !device_state_)
        single_result_ = {partial.out.transpose(1, 2), partial.lse};
      else
        merge(tile, call, rows, partial);
    }
  }

  TileRows rows_of(const PlanTile& tile, const KeyValue& source) const {
    TileRows rows{.query = query_, .keys = source};
    if (!tile.query_index.empty()) {
      rows.query_index = row_numbers(tile.query_index, query_.device());
      rows.query = packed_rows(query_, tile.heads, rows.query_index);
      rows.query_head_begin = tile.heads.begin;
    }
    if (!tile.key_index.empty()) {
      rows.key_index = row_numbers(tile.key_index, query_.device());
      rows.keys = packed_rows(source, key_heads_of(tile.heads, function_), rows.key_index);
    }
    return rows;
  }

  Partial run_call(const PlanTile& tile, const TileCall& call, const TileRows& rows,
                   const std::vector<std::int64_t>& source_positions, std::int64_t mask_batch) const {
    std::vector<std::int64_t> query_rows, query_positions, key_positions;
    if (needs_positions(function_, tile.rule)) {
      query_rows = rows_of_call(call.query, tile.query_index);
      query_positions = taken(own_positions_, query_rows);
      key_positions = taken(source_positions, rows_of_call(call.key, tile.key_index));
    }
    const BiasShape bias_size = bias_shape(function_, tile.rule, call, mask_batch);
    const CallBias bias = make_call_bias(function_, tile.rule, call, bias_size,
                                         {.query_positions = query_positions,
                                          .key_positions = key_positions,
                                          .query_rows = query_rows,
                                          .scores_mask = scores_mask_,
                                          .key_mask = rows.keys.mask},
                                         state_dtype(query_.scalar_type()), query_.device());
    BlockInputs inputs{.query = call_view(rows.query, query_heads(call, rows), call.query, call),
                       .key = call_view(rows.keys.key, key_heads(call, rows.keys), call.key, call),
                       .value = call_view(rows.keys.value, key_heads(call, rows.keys), call.key, call),
                       .rule = tile.rule == MaskRule::positions ? MaskRule::full : tile.rule,
                       .softmax_scale = scale_,
                       .bias = bias.bias,
                       .empty_rows = bias.empty_rows,
                       .dropout = {}};
    if (function_.dropout > 0.0)
      inputs.dropout = BlockDropout{dropout_, call.batch_begin, call.heads.begin, query_positions, key_positions};
    return backend_.forward(inputs);
  }

  static HeadView query_heads(const TileCall& call, const TileRows& rows) {
    return {call.heads.begin - rows.query_head_begin, call.heads.size()};
  }
  HeadView key_heads(const TileCall& call, const KeyValue& keys) const {
    const HeadRange heads = key_heads_of(call.heads, function_);
    return {heads.begin - keys.head_begin, call.heads.size(), heads.size() < call.heads.size()};
  }

  /// Rows of the source that a call's rows are.
  static std::vector<std::int64_t> rows_of_call(const Rows& rows, const RowSlice& index) {
    std::vector<std::int64_t> all = expand(rows);
    if (!index.empty()) {
      for (std::int64_t& row : all) row = index.data()[row];
    }
    return all;
  }
  static std::vector<std::int64_t> taken(const std::vector<std::int64_t>& from, std::vector<std::int64_t> rows) {
    for (std::int64_t& row : rows) row = from[static_cast<std::size_t>(row)];
    return rows;
  }

  void merge(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Partial& partial) {
    if (device_state_) {
      const std::size_t number = tiles_begun_ - 1;
      if (!tile.query_index.empty())
        return device_state_->merge(number, partial, call.heads,
                                    rows.query_index.const_data_ptr<std::int64_t>() + call.query.first);
      return device_state_->merge(number, partial, call.heads, call.query, call.batch_begin);
    }
    RunningState& state = states_[states_.size() > 1 ? static_cast<std::size_t>(tile.pair) : 0];
    if (!tile.query_index.empty())
      state.merge(partial, call.heads, rows.query_index.const_data_ptr<std::int64_t>() + call.query.first);
    else
      state.merge(partial, call.heads, call.query, call.batch_begin);
  }

  /// Σ_i out_i / G; the sum is the first state's memory.
  Partial mean_of_states() {
    const at::ScalarType wide = state_dtype(query_.scalar_type());
    at::Tensor sum = states_.front().finish(wide, plan_.pattern.scale).out;
    while (states_.size() > 1) {
      sum.add_(states_.back().finish(wide, plan_.pattern.scale).out);
      states_.pop_back();
    }
    return {sum.to(query_.scalar_type()), at::Tensor()};
  }

  const Plan& plan_;
  const AttentionFunction& function_;
  Communicator& communicator_;
  const BlockBackend& backend_;
  const ExecutorOptions& options_;
  at::Tensor query_;
  KeyValue own_;
  at::Tensor scores_mask_;
  std::int64_t batch_;
  std::int64_t dim_;
  double scale_;
  kernels::DropoutRule dropout_;
  bool reads_positions_;
  std::vector<std::int64_t> own_positions_;  // where positions are read
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
  return Execution(plan, inputs, communicator, backend, options).run();
}

}  // namespace ringattn
