#include "attention/backward_executor.h"

#include "attention/gradient_returns.h"
#include "attention/row_sums.h"
#include "attention/running_state.h"
#include "attention/tile_reader.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <limits>
#include <utility>

namespace ringattn {
namespace {

/// A finished row's result as kernels need it: out without the plan's scale, and lse (batch, rows, heads, 1), +inf
/// where the row saw no key, so that its weights are exp(s - inf) = 0.
struct FinishedRows {
  at::Tensor out;
  at::Tensor lse;
  double out_factor = 1.0;  ///< what a call's out must be multiplied by
};

/// A GPU's kernels want rows, heads and dim one after another.
at::Tensor contiguous_rows(const at::Tensor& tensor) {
  return tensor.is_cpu() ? dim_contiguous(tensor) : tensor.contiguous();
}

FinishedRows finished_rows(const Partial& result, double out_factor) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  at::Tensor lse = at::empty({result.lse.size(0), result.lse.size(2), result.lse.size(1)}, result.lse.options());
  lse.copy_(result.lse.transpose(1, 2));
  at::threshold_(lse, -kInfinity, kInfinity);  // in place, and without a mask in memory
  return {contiguous_rows(result.out), lse.unsqueeze(3), out_factor};
}

class BackwardExecution {
 public:
  BackwardExecution(const Plan& plan, const std::vector<Return>& returns, const RankInputs& inputs,
                    std::vector<FinishedRows> results, const at::Tensor& grad_out, const BlockBackend& backend,
                    const ExecutorOptions& options)
      : plan_(plan),
        returns_(returns),
        reader_(plan, inputs),
        results_(std::move(results)),
        grad_out_(contiguous_rows(grad_out)),
        backend_(backend),
        options_(options) {
    if (is_single_backward_call(plan_, returns_)) return;
    const at::TensorOptions wide = reader_.query().options().dtype(state_dtype(dtype()));
    query_sum_ = at::zeros(reader_.query().sizes(), wide);
    own_sums_ = zero_sums(reader_.batch(), plan_.rows, reader_.own().key.size(2), reader_.head_dim(), wide);
  }

  void run(Communicator& communicator) {
    const CostShape shape = reader_.cost_shape();
    GradientWatch* const watch = is_on_cpu() ? options_.gradient_watch : nullptr;
    GradientReturns travelling(plan_, returns_, shape, state_dtype(dtype()), own_sums_, communicator,
                               options_.compression, watch);
    std::size_t index = 0;
    walk_ring(plan_, reader_.own(), shape, communicator, options_,
              [&](const Step& step, const std::vector<KeyValue>& regions) {
                const std::vector<KeyValue>& sums = travelling.begin(step, index);
                run_tiles(step, regions, sums, Part::at_once);
                travelling.take_arrived();
                if (watch != nullptr) tell(*watch, step, sums);
                travelling.pass_on(step, index++);
              });
    for (const Step& step : plan_.steps) run_tiles(step, {}, {}, Part::kept_for_the_end);
    travelling.finish();
  }

  Gradients gradients() {
    if (!query_sum_.defined()) return single_result_;
    return {query_sum_.to(dtype()), own_sums_.key.to(dtype()), own_sums_.value.to(dtype())};
  }

 private:
  at::ScalarType dtype() const { return reader_.query().scalar_type(); }
  bool is_on_cpu() const { return reader_.query().is_cpu(); }

  /// Which calls of a step's tiles: those that are kept for the end are of own keys.
  enum class Part { at_once, kept_for_the_end };

  void run_tiles(const Step& step, const std::vector<KeyValue>& regions, const std::vector<KeyValue>& sums, Part part) {
    const TileReader::Positions positions = reader_.region_positions(step);
    for (const PlanTile& tile : step.tiles) {
      const bool is_own = tile.region == RowSource::kOwn;
      if (part == Part::kept_for_the_end && limits_of(tile).head_break == 0) continue;
      const auto region = static_cast<std::size_t>(tile.region);
      const TileRows rows = reader_.rows_of(tile, is_own ? reader_.own() : regions[region]);
      run_tile(tile, rows, positions, is_own ? own_sums_ : sums[region], part);
    }
  }

  CallLimits limits_of(const PlanTile& tile) const {
    return backward_call_limits(plan_, returns_, tile, backward_threads(reader_.query().device()),
                                reader_.mask_batch());
  }

  void run_tile(const PlanTile& tile, const TileRows& rows, const TileReader::Positions& positions,
                const KeyValue& sums, Part part) {
    const FinishedRows& result = results_[results_.size() > 1 ? static_cast<std::size_t>(tile.pair) : 0];
    const bool is_listed = !tile.query_index.empty();
    const auto rows_of = [&](const at::Tensor& tensor) {
      return is_listed ? packed_rows(tensor, tile.heads, rows.query_index) : tensor;
    };
    const FinishedRows tile_result{rows_of(result.out), rows_of(result.lse), result.out_factor};
    const at::Tensor grad_out = rows_of(grad_out_);
    const CallLimits limits = limits_of(tile);
    for (const TileCall& call : tile_calls(tile, reader_.batch(), reader_.head_dim(), limits)) {
      if (is_kept_for_the_end(call, limits) != (part == Part::kept_for_the_end)) continue;
      reader_.read(tile, call, rows, positions, [&](const BlockInputs& inputs) {
        const HeadView heads = reader_.query_heads(call, rows);
        const auto view = [&](const at::Tensor& tensor) { return call_view(tensor, heads, call.query, call); };
        const at::Tensor out = view(tile_result.out);
        // The CPU's kernel copies a grad_out whose rows don't lie one after another; whether a view's do is up to its
        // maker. Of a GPU's the backend knows.
        const bool is_packed = query_sum_.defined() && is_on_cpu();
        add(call, rows,
            backend_.backward(inputs, {.out = result.out_factor == 1.0 ? out : packed_call(out, result.out_factor),
                                       .lse = view(tile_result.lse).squeeze(3),
                                       .grad_out = is_packed ? packed_call(view(grad_out), 1.0) : view(grad_out)}),
            sums);
      });
    }
  }

  void tell(GradientWatch& watch, const Step& step, const std::vector<KeyValue>& sums) const {
    if (query_sum_.defined()) return watch.after_step(step, {query_sum_, own_sums_.key, own_sums_.value}, sums);
    if (single_result_.query.defined()) watch.after_step(step, single_result_, sums);
  }

  void add(const TileCall& call, const TileRows& rows, const BlockGradients& part, const KeyValue& sums) {
    if (!query_sum_.defined()) {
      single_result_ = {part.query.transpose(1, 2), part.key.transpose(1, 2), part.value.transpose(1, 2)};
      return;
    }
    // dq, dk and dv are linear in grad_out, which the plan's scale multiplies.
    const double scale = plan_.pattern.scale;
    add_call(query_sum_, {call.heads.begin, call.heads.size()}, call.query, rows.query_index, call, part.query, scale);
    const HeadView heads = reader_.key_heads(call, sums);
    add_call(sums.key, heads, call.key, rows.key_index, call, part.key, scale);
    add_call(sums.value, heads, call.key, rows.key_index, call, part.value, scale);
  }

  const Plan& plan_;
  const std::vector<Return>& returns_;
  TileReader reader_;
  std::vector<FinishedRows> results_;  // one, or one a pair under join mean
  at::Tensor grad_out_;
  const BlockBackend& backend_;
  const ExecutorOptions& options_;
  at::Tensor query_sum_;  // undefined where one call is the result
  KeyValue own_sums_;
  Gradients single_result_;
};

}  // namespace

std::int64_t backward_threads(const at::Device& device) {
  return device.is_cpu() ? at::get_num_threads() : kThreadsOfGpu;
}

Gradients execute_backward(const Plan& plan, const std::vector<Return>& returns, const RankInputs& inputs,
                           const Partial& result, const at::Tensor& grad_out, Communicator& communicator,
                           const BlockBackend& backend, const ExecutorOptions& options) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  std::vector<FinishedRows> results;
  if (plan.pattern.states > 1) {
    for (Partial& pair : execute_pairs(plan, inputs, communicator, backend, options))
      results.push_back(finished_rows(std::exchange(pair, {}), 1.0));
  } else {
    results.push_back(finished_rows(result, 1.0 / plan.pattern.scale));
  }
  BackwardExecution execution(plan, returns, inputs, std::move(results), grad_out, backend, options);
  execution.run(communicator);
  return execution.gradients();
}

}  // namespace ringattn
