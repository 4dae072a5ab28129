#include "ring/standard_ring_attention.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <numeric>

namespace ringattn {
namespace {

/// Plans that are kept; with dropout every step has one of its own.
constexpr std::size_t kPlannedMax = 16;

void check_inputs(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (query.dim() != 4)
    throw UsageError(fmt::format("query: {} dimensions; expected 4 (batch, seq, heads, dim)", query.dim()));
  for (const auto& [name, tensor] : {std::pair{"key", &key}, std::pair{"value", &value}}) {
    const bool fits = tensor->dim() == 4 && tensor->size(0) == query.size(0) && tensor->size(1) == query.size(1) &&
                      tensor->size(3) == query.size(3) && tensor->size(2) > 0 && query.size(2) % tensor->size(2) == 0 &&
                      tensor->sizes() == key.sizes();
    if (!fits)
      throw UsageError(
          fmt::format("{}: shape ({}) differs from query's ({}); they must be equal, but for heads that divide query's",
                      name, fmt::join(tensor->sizes(), ", "), fmt::join(query.sizes(), ", ")));
    if (tensor->scalar_type() != query.scalar_type())
      throw UsageError(fmt::format("{}: dtype {} differs from query's {}; they must be equal", name,
                                   c10::toString(tensor->scalar_type()), c10::toString(query.scalar_type())));
  }
}

/// What kind of mask it is, by its shape.
MaskShape mask_shape(const at::Tensor& mask, const at::Tensor& query, std::int64_t seq_len) {
  const std::int64_t rows = query.size(1), heads = query.size(2);
  const bool batch_fits = mask.dim() > 0 && (mask.size(0) == query.size(0) || mask.size(0) == 1);
  const bool is_additive = mask.scalar_type() != at::kBool;
  if (is_additive && mask.scalar_type() != at::kFloat && mask.scalar_type() != query.scalar_type())
    throw UsageError(fmt::format("attention_mask: dtype {}; expected bool, Float, or query's {}",
                                 c10::toString(mask.scalar_type()), c10::toString(query.scalar_type())));
  if (mask.dim() == 2 && batch_fits && mask.size(1) == rows)
    return {.kind = MaskKind::keys, .is_per_head = false, .is_additive = is_additive};
  if (mask.dim() == 4 && batch_fits && (mask.size(1) == 1 || mask.size(1) == heads) && mask.size(2) == rows &&
      mask.size(3) == seq_len)
    return {.kind = MaskKind::scores, .is_per_head = mask.size(1) > 1, .is_additive = is_additive};
  throw UsageError(fmt::format(
      "attention_mask: shape ({}); expected ({} or 1, {}) for keys, or ({} or 1, 1 or {}, {}, {}) for queries and keys",
      fmt::join(mask.sizes(), ", "), query.size(0), rows, query.size(0), heads, rows, seq_len));
}

/// Views where the layout allows it: one run of positions needs no copy.
at::Tensor own_rows(const at::Tensor& full, const Positions& positions, int dim = 1) {
  std::vector<at::Tensor> runs;
  for (const PositionRun& run : positions)
    runs.push_back(full.slice(dim, run.first, run.first + (run.count - 1) * run.step + 1, run.step));
  if (runs.empty()) return full.narrow(dim, 0, 0);
  return runs.size() == 1 ? runs.front() : at::cat(runs, dim);
}

}  // namespace

StandardRingAttention::StandardRingAttention(RingAttentionConfig config, Communicator& communicator)
    : config_(std::move(config)), communicator_(communicator) {
  validate(config_);
  make_backend(config_.backend, {});  // refuses what cannot run before the first forward does
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
  const std::int64_t seq_len = total_rows(query.size(1), already_split);
  Problem problem = problem_of(seq_len, query.size(2), is_causal);
  problem.kv_heads = key.size(2);
  at::Tensor mask = attention_mask.value_or(at::Tensor());
  if (mask.defined()) problem.mask = mask_shape(mask, query, seq_len);
  RingAttention& attention = attention_for(problem, already_split);
  if (already_split) return attention.forward(communicator_, {query, key, value, mask});
  const Positions own = attention.query_positions(communicator_.rank(), communicator_.world_size());
  if (mask.defined()) mask = own_rows(mask, own, problem.mask.kind == MaskKind::keys ? 1 : 2);
  return attention.forward(communicator_, {own_rows(query, own), own_rows(key, own), own_rows(value, own), mask});
}

Positions StandardRingAttention::positions(std::int64_t seq_len, std::int64_t heads, bool is_causal,
                                           bool already_split) {
  return attention_for(problem_of(seq_len, heads, is_causal), already_split)
      .query_positions(communicator_.rank(), communicator_.world_size());
}

Problem StandardRingAttention::problem_of(std::int64_t seq_len, std::int64_t heads, bool is_causal) const {
  return {.seq_len = seq_len,
          .heads = heads,
          .is_causal = is_causal,
          .kv_heads = 0,
          .window = options_.window,
          .documents = options_.documents,
          .mask = {},
          .is_training = options_.is_training,
          .dropout_seed = options_.dropout_seed};
}

RingAttention& StandardRingAttention::attention_for(const Problem& problem, bool already_split) {
  for (const Planned& planned : planned_) {
    if (planned.already_split == already_split && planned.problem == problem) return *planned.attention;
  }
  RingAttentionConfig config = config_;
  if (already_split && config.layout == Layout::automatic) config.layout = Layout::contiguous;
  if (planned_.size() >= kPlannedMax) planned_.erase(planned_.begin());
  planned_.push_back(
      {problem, already_split, std::make_unique<RingAttention>(config, problem, communicator_.world_size())});
  return *planned_.back().attention;
}

std::int64_t StandardRingAttention::total_rows(std::int64_t local_rows, bool already_split) {
  if (!already_split) return local_rows;
  const std::vector<std::int64_t> rows = communicator_.all_gather_value(local_rows);
  return std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
}

}  // namespace ringattn
