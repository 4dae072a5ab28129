#include "ring/standard_ring_attention.h"

#include "config/error.h"
#include "ring/differentiable.h"
#include "ring/own_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <limits>
#include <numeric>
#include <utility>

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

/// What kind of mask it is, by its shape: of `rows` rows of a sequence.
MaskShape mask_shape(const at::Tensor& mask, const StandardRingAttention::Sequence& sequence, std::int64_t rows) {
  const auto [batch, seq_len, heads, kv_heads, dtype] = sequence;
  const bool batch_fits = mask.dim() > 0 && (mask.size(0) == batch || mask.size(0) == 1);
  const bool is_additive = mask.scalar_type() != at::kBool;
  if (is_additive && mask.scalar_type() != at::kFloat && mask.scalar_type() != dtype)
    throw UsageError(fmt::format("attention_mask: dtype {}; expected bool, Float, or query's {}",
                                 c10::toString(mask.scalar_type()), c10::toString(dtype)));
  if (mask.dim() == 2 && batch_fits && mask.size(1) == rows)
    return {.kind = MaskKind::keys, .is_per_head = false, .is_additive = is_additive};
  if (mask.dim() == 4 && batch_fits && (mask.size(1) == 1 || mask.size(1) == heads) && mask.size(2) == rows &&
      mask.size(3) == seq_len)
    return {.kind = MaskKind::scores, .is_per_head = mask.size(1) > 1, .is_additive = is_additive};
  throw UsageError(fmt::format(
      "attention_mask: shape ({}); expected ({} or 1, {}) for keys, or ({} or 1, 1 or {}, {}, {}) for queries and keys",
      fmt::join(mask.sizes(), ", "), batch, rows, batch, heads, rows, seq_len));
}

/// Rows of every rank's shard. All ranks learn all sizes and stated offsets, so that all of them refuse what
/// contradicts.
std::vector<std::int64_t> gather_shards(Communicator& communicator, Layout layout, std::int64_t local_rows,
                                        std::optional<std::int64_t> offset) {
  constexpr std::int64_t kUnstated = std::numeric_limits<std::int64_t>::min();
  std::vector<std::int64_t> rows = communicator.all_gather_value(local_rows);
  const std::vector<std::int64_t> offsets = communicator.all_gather_value(offset.value_or(kUnstated));
  std::int64_t begin = 0;
  for (std::size_t rank = 0; rank < rows.size(); begin += rows[rank], ++rank) {
    if (offsets[rank] == kUnstated) continue;
    if (layout != Layout::automatic && layout != Layout::contiguous)
      throw UsageError(
          fmt::format("shard_offset: rank {} says {}, but under layout {} a shard is no single run of rows", rank,
                      offsets[rank], to_string(layout)));
    if (offsets[rank] != begin)
      throw UsageError(fmt::format("shard_offset: rank {} says {}, but its rows begin at {}: the ranks have {} rows",
                                   rank, offsets[rank], begin, fmt::join(rows, ", ")));
  }
  return rows;
}

/// Shards as the layout deals them.
void check_shards(const RowLayout& layout, const std::vector<std::int64_t>& shard_rows) {
  for (int rank = 0; rank < layout.world_size; ++rank) {
    const std::int64_t wanted = layout.local_rows(rank), given = shard_rows[static_cast<std::size_t>(rank)];
    if (given == wanted) continue;
    throw UsageError(
        fmt::format("already_split: rank {} has {} rows, but layout {} gives it {} of {}; the ranks have {}", rank,
                    given, to_string(layout.kind), wanted, layout.seq_len, fmt::join(shard_rows, ", ")));
  }
}

}  // namespace

StandardRingAttention::StandardRingAttention(RingAttentionConfig config, Communicator& communicator)
    : config_(std::move(config)), communicator_(communicator) {
  validate(config_);
  make_backend(config_.backend, {});  // refuses what cannot run before the first forward does
}

at::Tensor StandardRingAttention::forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                          const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                          bool already_split, std::optional<std::int64_t> shard_offset) {
  return forward_with_lse(query, key, value, attention_mask, is_causal, already_split, shard_offset).out;
}

Partial StandardRingAttention::forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                                const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                                bool already_split, std::optional<std::int64_t> shard_offset) {
  check_inputs(query, key, value);
  if (already_split)
    return forward_split({query, key, value, attention_mask.value_or(at::Tensor())}, is_causal, shard_offset);
  if (shard_offset)
    throw UsageError(fmt::format("shard_offset: {} given, but already_split is false; the rows are the whole sequence",
                                 *shard_offset));
  const Sequence sequence{query.size(0), query.size(1), query.size(2), key.size(2), query.scalar_type()};
  return forward_made(sequence, attention_mask, is_causal, [&](const Positions& own) {
    return OwnRows{own_rows(query, own), own_rows(key, own), own_rows(value, own)};
  });
}

Partial StandardRingAttention::forward_made(const Sequence& sequence, const std::optional<at::Tensor>& attention_mask,
                                            bool is_causal, const std::function<OwnRows(const Positions&)>& make) {
  Problem problem = problem_of(sequence.seq_len, sequence.heads, sequence.kv_heads, is_causal);
  at::Tensor mask = attention_mask.value_or(at::Tensor());
  if (mask.defined()) problem.mask = mask_shape(mask, sequence, sequence.seq_len);
  const std::shared_ptr<RingAttention> attention = attention_for(problem, false);
  const Positions own = attention->query_positions(communicator_.rank(), communicator_.world_size());
  if (mask.defined()) mask = own_rows(mask, own, problem.mask.kind == MaskKind::keys ? 1 : 2);
  const OwnRows rows = make(own);
  return differentiable_forward(attention, communicator_, {rows.query, rows.key, rows.value, mask});
}

Partial StandardRingAttention::forward_split(const RankInputs& own, bool is_causal,
                                             std::optional<std::int64_t> shard_offset) {
  const at::Tensor& query = own.query;
  const std::vector<std::int64_t> shard_rows =
      gather_shards(communicator_, config_.layout, query.size(1), shard_offset);
  const Sequence sequence{.batch = query.size(0),
                          .seq_len = std::accumulate(shard_rows.begin(), shard_rows.end(), std::int64_t{0}),
                          .heads = query.size(2),
                          .kv_heads = own.key.size(2),
                          .dtype = query.scalar_type()};
  Problem problem = problem_of(sequence.seq_len, sequence.heads, sequence.kv_heads, is_causal);
  if (own.mask.defined()) problem.mask = mask_shape(own.mask, sequence, query.size(1));
  return differentiable_forward(attention_for(problem, true, shard_rows), communicator_, own);
}

Positions StandardRingAttention::positions(std::int64_t seq_len, std::int64_t heads, bool is_causal, bool already_split,
                                           std::int64_t kv_heads) {
  return attention_for(problem_of(seq_len, heads, kv_heads, is_causal), already_split)
      ->query_positions(communicator_.rank(), communicator_.world_size());
}

Problem StandardRingAttention::problem_of(std::int64_t seq_len, std::int64_t heads, std::int64_t kv_heads,
                                          bool is_causal) const {
  return {.seq_len = seq_len,
          .heads = heads,
          .is_causal = is_causal,
          .kv_heads = kv_heads,
          .window = options_.window,
          .documents = options_.documents,
          .mask = {},
          .is_training = options_.is_training,
          .dropout_seed = options_.dropout_seed};
}

std::shared_ptr<RingAttention> StandardRingAttention::attention_for(
    const Problem& problem, bool already_split, const std::optional<std::vector<std::int64_t>>& shard_rows) {
  for (const Planned& planned : planned_) {
    if (planned.already_split == already_split && planned.shard_rows == shard_rows && planned.problem == problem)
      return planned.attention;
  }
  RingAttentionConfig config = config_;
  if (already_split && config.layout == Layout::automatic) config.layout = Layout::contiguous;
  const bool is_given = shard_rows && config.layout == Layout::contiguous;
  auto attention = is_given ? std::make_shared<RingAttention>(config, problem, *shard_rows)
                            : std::make_shared<RingAttention>(config, problem, communicator_.world_size());
  if (shard_rows) check_shards(attention->layout(), *shard_rows);
  if (planned_.size() >= kPlannedMax) planned_.erase(planned_.begin());
  planned_.push_back({problem, already_split, shard_rows, std::move(attention)});
  return planned_.back().attention;
}

}  // namespace ringattn
