#include "attention/executor.h"

#include "attention/running_state.h"
#include "attention/tile_call.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <utility>

namespace ringattn {
namespace {

/// Key and value rows, (batch, rows, heads, dim) each: the rank's own, or a region of a receive buffer.
struct KeyValue {
  at::Tensor key;
  at::Tensor value;
  std::int64_t head_begin = 0;  ///< the rank's head that the tensors' head 0 is
};

/// Rows must lie with heads and dim contiguous, so that a row of a head range is one run of bytes.
at::Tensor row_contiguous(const at::Tensor& tensor) {
  const bool fits = tensor.stride(3) == 1 && tensor.stride(2) == tensor.size(3);
  return fits ? tensor : tensor.contiguous();
}

/// (batches, heads, rows, dim) view of the rows of one call.
at::Tensor call_view(const at::Tensor& tensor, HeadRange heads, const Rows& rows, const TileCall& call) {
  const std::int64_t row_stride = tensor.stride(1);
  const std::int64_t offset = tensor.storage_offset() + call.batch_begin * tensor.stride(0) + rows.first * row_stride +
                              heads.begin * tensor.stride(2);
  const std::int64_t batch_stride = rows.segments > 1 ? rows.segment_stride * row_stride : tensor.stride(0);
  return tensor.as_strided({call.batches(), heads.size(), rows.count, tensor.size(3)},
                           {batch_stride, tensor.stride(2), rows.step * row_stride, 1}, offset);
}

void add_blocks(std::vector<Block>& blocks, const at::Tensor& tensor, HeadRange heads, const std::vector<Rows>& rows) {
  const std::int64_t bytes = tensor.element_size();
  auto* base = static_cast<std::byte*>(tensor.data_ptr());
  for (std::int64_t b = 0; b < tensor.size(0); ++b) {
    for (const Rows& run : rows) {
      const std::int64_t offset = b * tensor.stride(0) + run.first * tensor.stride(1) + heads.begin * tensor.stride(2);
      blocks.push_back({base + offset * bytes, run.count, run.step * tensor.stride(1) * bytes,
                        heads.size() * tensor.size(3) * bytes});
    }
  }
}

/// Two receive buffers that hops use in turn, allocated once; each is as large as the largest hop that it holds.
class ReceiveBuffers {
 public:
  ReceiveBuffers(const Plan& plan, const CostShape& shape, const at::TensorOptions& options) {
    const Cost cost = cost_of(plan, shape);
    for (int i = 0; i < 2; ++i) {
      if (cost.buffer_bytes[i] > 0) buffers_[i] = at::empty({cost.buffer_bytes[i] / shape.element_bytes}, options);
    }
  }

  /// The regions of step `index`: all K regions, then all V regions, each (batch, rows, heads, dim).
  std::vector<KeyValue> regions(const Step& step, std::size_t index, std::int64_t batch, std::int64_t dim) const {
    const at::Tensor& buffer = buffers_[Plan::buffer_of(index)];
    std::int64_t key_elements = 0;
    for (const Region& region : step.regions) key_elements += batch * region.rows * region.heads.size() * dim;
    std::vector<KeyValue> regions;
    std::int64_t offset = 0;
    for (const Region& region : step.regions) {
      const std::int64_t elements = batch * region.rows * region.heads.size() * dim;
      if (elements == 0) {
        regions.emplace_back();
        continue;
      }
      const auto view = [&](std::int64_t at_element) {
        return buffer.narrow(0, at_element, elements).view({batch, region.rows, region.heads.size(), dim});
      };
      regions.push_back({view(offset), view(key_elements + offset), region.heads.begin});
      offset += elements;
    }
    return regions;
  }

 private:
  at::Tensor buffers_[2];
};

class Execution {
 public:
  Execution(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
            const ExecutorOptions& options)
      : plan_(plan),
        communicator_(communicator),
        backend_(backend),
        options_(options),
        query_(inputs.query),
        own_{row_contiguous(inputs.key), row_contiguous(inputs.value), 0},
        batch_(inputs.query.size(0)),
        dim_(inputs.query.size(3)),
        scale_(options.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(dim_)))) {}

  Partial run() {
    if (is_single_tile(plan_)) return run_single_tile();
    state_.emplace(batch_, plan_.rows, query_.size(2), dim_, query_.scalar_type());
    run_steps();
    return state_->finish(query_.scalar_type(), plan_.pattern.scale);
  }

 private:
  /// Steps that only send may still follow the single tile.
  Partial run_single_tile() {
    run_steps();
    return std::move(single_result_);
  }

  void run_steps() {
    const CostShape shape{batch_, dim_, query_.element_size(),
                          static_cast<std::int64_t>(c10::elementSize(state_dtype(query_.scalar_type())))};
    const ReceiveBuffers buffers(plan_, shape, own_.key.options());
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
        coming = buffers.regions(plan_.steps[i + 1], i + 1, batch_, dim_);
        next = communicator_.post(exchange_of(plan_.steps[i + 1], coming, here));
      };
      if (options_.overlap_communication) post_next();
      for (const PlanTile& tile : plan_.steps[i].tiles) run_tile(tile, here);
      if (!options_.overlap_communication) post_next();
      if (next) communicator_.wait_received(next);
      if (next) pending = next;
      here = std::move(coming);
    }
    if (pending) communicator_.wait_sent(pending);
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
      const KeyValue& rows = is_own ? own_ : regions[static_cast<std::size_t>(part.source.region)];
      const HeadRange heads{part.heads.begin - rows.head_begin, part.heads.end - rows.head_begin};
      add_blocks(message.blocks, rows.key, heads, part.source.rows);
      add_blocks(message.blocks, rows.value, heads, part.source.rows);
    }
    return message;
  }

  void run_tile(const PlanTile& tile, const std::vector<KeyValue>& regions) {
    KeyValue keys = tile.region == RowSource::kOwn ? own_ : regions[static_cast<std::size_t>(tile.region)];
    PlanTile regular = tile;
    if (!tile.key_index.empty()) {
      const at::Tensor index = at::tensor(tile.key_index, at::TensorOptions().dtype(at::kLong));
      keys = {keys.key.index_select(1, index), keys.value.index_select(1, index), keys.head_begin};
      regular.key = {.first = 0, .count = tile.keys()};
    }
    const bool is_single = !state_.has_value();
    const std::int64_t limit = is_single ? 0 : partial_bytes_limit(options_);
    for (const TileCall& call : tile_calls(regular, batch_, dim_, limit)) {
      Partial partial = run_call(call, keys, tile.rule);
      if (is_single)
        single_result_ = {partial.out.transpose(1, 2), partial.lse};
      else
        state_->merge(partial, call.heads, call.query, call.batch_begin);
    }
  }

  Partial run_call(const TileCall& call, const KeyValue& keys, MaskRule rule) const {
    const HeadRange key_heads{call.heads.begin - keys.head_begin, call.heads.end - keys.head_begin};
    return backend_.forward({.query = call_view(query_, call.heads, call.query, call),
                             .key = call_view(keys.key, key_heads, call.key, call),
                             .value = call_view(keys.value, key_heads, call.key, call),
                             .rule = rule,
                             .softmax_scale = scale_});
  }

  const Plan& plan_;
  Communicator& communicator_;
  const BlockBackend& backend_;
  const ExecutorOptions& options_;
  at::Tensor query_;
  KeyValue own_;
  std::int64_t batch_;
  std::int64_t dim_;
  double scale_;
  std::optional<RunningState> state_;
  Partial single_result_;
};

}  // namespace

std::int64_t partial_bytes_limit(const ExecutorOptions& options) {
  return options.partial_bytes_max * at::get_num_threads();
}

Partial execute(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const BlockBackend& backend,
                const ExecutorOptions& options) {
  return Execution(plan, inputs, communicator, backend, options).run();
}

}  // namespace ringattn
