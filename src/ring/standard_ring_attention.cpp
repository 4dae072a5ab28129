#include "ring/standard_ring_attention.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <numeric>

namespace ringattn {
namespace {

void check_inputs(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (query.dim() != 4)
    throw UsageError(fmt::format("query: {} dimensions; expected 4 (batch, seq, heads, dim)", query.dim()));
  for (const auto& [name, tensor] : {std::pair{"key", &key}, std::pair{"value", &value}}) {
    if (tensor->sizes() != query.sizes())
      throw UsageError(fmt::format("{}: shape ({}) differs from query's ({}); they must be equal", name,
                                   fmt::join(tensor->sizes(), ", "), fmt::join(query.sizes(), ", ")));
    if (tensor->scalar_type() != query.scalar_type())
      throw UsageError(fmt::format("{}: dtype {} differs from query's {}; they must be equal", name,
                                   c10::toString(tensor->scalar_type()), c10::toString(query.scalar_type())));
  }
}

/// Views where the layout allows it: one run of positions needs no copy.
at::Tensor own_rows(const at::Tensor& full, const Positions& positions) {
  std::vector<at::Tensor> runs;
  for (const PositionRun& run : positions)
    runs.push_back(full.slice(1, run.first, run.first + (run.count - 1) * run.step + 1, run.step));
  if (runs.empty()) return full.narrow(1, 0, 0);
  return runs.size() == 1 ? runs.front() : at::cat(runs, 1);
}

}  // namespace

StandardRingAttention::StandardRingAttention(RingAttentionConfig config, Communicator& communicator)
    : config_(std::move(config)), communicator_(communicator) {
  validate(config_);
  make_backend(config_.backend);  // refuses what cannot run before the first forward does
}

at::Tensor StandardRingAttention::forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                          const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                          bool already_split) {
  return forward_with_lse(query, key, value, attention_mask, is_causal, already_split).out;
}

Partial StandardRingAttention::forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                                const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                                bool already_split) {
  check_inputs(query, key, value);
  if (attention_mask.has_value() && attention_mask->defined())
    throw Unavailable("attention_mask: masks are not run by this version; is_causal is. Leave attention_mask empty");
  const std::int64_t seq_len = total_rows(query.size(1), already_split);
  RingAttention& attention = attention_for(seq_len, query.size(2), is_causal, already_split);
  if (already_split) return attention.forward(communicator_, {query, key, value});
  const Positions own = attention.query_positions(communicator_.rank(), communicator_.world_size());
  return attention.forward(communicator_, {own_rows(query, own), own_rows(key, own), own_rows(value, own)});
}

Positions StandardRingAttention::positions(std::int64_t seq_len, std::int64_t heads, bool is_causal,
                                           bool already_split) {
  return attention_for(seq_len, heads, is_causal, already_split)
      .query_positions(communicator_.rank(), communicator_.world_size());
}

RingAttention& StandardRingAttention::attention_for(std::int64_t seq_len, std::int64_t heads, bool is_causal,
                                                    bool already_split) {
  std::unique_ptr<RingAttention>& planned = planned_[{seq_len, heads, is_causal, already_split}];
  if (!planned) {
    RingAttentionConfig config = config_;
    if (already_split && config.layout == Layout::automatic) config.layout = Layout::contiguous;
    planned = std::make_unique<RingAttention>(config, seq_len, heads, is_causal, communicator_.world_size());
  }
  return *planned;
}

std::int64_t StandardRingAttention::total_rows(std::int64_t local_rows, bool already_split) {
  if (!already_split) return local_rows;
  const std::vector<std::int64_t> rows = communicator_.all_gather_value(local_rows);
  return std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
}

}  // namespace ringattn
