#include "ring/standard_ring_attention.h"

#include "config/communication_backend.h"
#include "config/error.h"
#include "ring/differentiable.h"
#include "ring/own_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <mutex>
#include <numeric>
#include <utility>

namespace ringattn {
namespace {

/// Plans that are kept; with dropout every step has one of its own.
constexpr std::size_t kPlannedMax = 16;

/// What the configuration says of the inputs, where it says anything.
void check_named(const RingAttentionConfig& config, const at::Tensor& query) {
  if (config.device != Device::automatic && query.is_cuda() != (config.device == Device::cuda))
    throw UsageError(fmt::format("device: the configuration says {}, but query is on {}", to_string(config.device),
                                 query.device().str()));
  if (!config.dtype) return;
  const at::ScalarType wanted = *config.dtype == Dtype::fp64   ? at::kDouble
                                : *config.dtype == Dtype::fp32 ? at::kFloat
                                : *config.dtype == Dtype::fp16 ? at::kHalf
                                                               : at::kBFloat16;
  if (query.scalar_type() != wanted)
    throw UsageError(fmt::format("dtype: the configuration says {}, but query is {}", to_string(*config.dtype),
                                 c10::toString(query.scalar_type())));
}

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

void write_to_stderr(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

/// A mask of one batch index is for all of them.
at::Tensor batch_of(const at::Tensor& mask, const StandardRingAttention::BatchShare& share) {
  return mask.size(0) == 1 ? mask : mask.narrow(0, share.begin, share.count);
}

std::vector<std::uint8_t> generator_state() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  const at::Tensor state = generator.get_state();
  const auto* bytes = state.const_data_ptr<std::uint8_t>();
  return {bytes, bytes + state.numel()};
}

void set_generator_state(const std::vector<std::uint8_t>& state) {
  const at::Tensor bytes = at::empty({static_cast<std::int64_t>(state.size())}, at::kByte);
  std::copy(state.begin(), state.end(), bytes.data_ptr<std::uint8_t>());
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(bytes);
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
  check_communication(config_, {.nccl_reason = "the ranks are threads of this process"});
  make_backend(config_.backend, {});  // refuses what cannot run before the first forward does
  const int world_size = communicator_.world_size();
  if (!config_.ring_size || *config_.ring_size == world_size) return;
  if (world_size % *config_.ring_size != 0)
    throw UsageError(fmt::format("ring_size: {} must divide the number of ranks, {}", *config_.ring_size, world_size));
  ring_ = std::make_shared<SubCommunicator>(
      communicator_, group_of(communicator_.rank(), world_size, static_cast<int>(*config_.ring_size), false));
}

void StandardRingAttention::say(const std::string& line) const {
  if (log_)
    log_(line);
  else
    write_to_stderr(line);
}

StandardRingAttention::BatchShare StandardRingAttention::batch_share(std::int64_t batch) const {
  const std::int64_t rings = communicator_.world_size() / ring().world_size();
  const std::int64_t own = communicator_.rank() / ring().world_size();
  if (batch < rings)
    throw UsageError(
        fmt::format("ring_size: {} makes {} rings of {} ranks, each of which needs a share of the batch of {}",
                    ring().world_size(), rings, communicator_.world_size(), batch));
  const std::int64_t begin = batch * own / rings;
  return {begin, batch * (own + 1) / rings - begin};
}

std::string StandardRingAttention::trace_json() const {
  const std::pair<int, const TraceLog*> own{communicator_.rank(), &trace()};
  return chrome_trace_json({&own, 1});
}

RingCheckpoint StandardRingAttention::checkpoint() const {
  return {.rank = communicator_.rank(),
          .world_size = communicator_.world_size(),
          .forwards = forwards_,
          .statistics = statistics(),
          .config = config_,
          .generator_state = generator_state()};
}

void StandardRingAttention::restore(const std::filesystem::path& folder) {
  const RingCheckpoint saved = load_checkpoint(folder, communicator_.rank());
  check_fits(saved, config_, communicator_.rank(), communicator_.world_size());
  forwards_ = saved.forwards;
  records_->of(ring().rank()).statistics = saved.statistics;
  set_generator_state(saved.generator_state);
}

Partial StandardRingAttention::run(const std::shared_ptr<Attention>& attention, const RankInputs& inputs) {
  if (forwards_ == 0 && communicator_.rank() == 0) {
    for (const std::string& line : device_notices(config_, inputs.query.is_cuda())) say(line);
  }
  attention->prepare(ring(), inputs);
  if (const auto* one = dynamic_cast<const RingAttention*>(attention.get())) tuning_ = one->tuning();
  Partial result;
  do_call(*attention, inputs, [&] {
    result = differentiable_forward(attention, ring(), inputs,
                                    {.validates_gradients = config_.validate_gradients,
                                     .log = log_ ? log_ : write_to_stderr,
                                     .communicator = ring_});
  });
  ++forwards_;
  if (config_.log_communication_stats) say(to_text(statistics(), communicator_.rank()));
  if (config_.checkpoint_frequency > 0 && forwards_ % config_.checkpoint_frequency == 0)
    save_checkpoint(checkpoint_folder_, checkpoint());
  return result;
}

void StandardRingAttention::do_call(const Attention&, const RankInputs&, const std::function<void()>& call) { call(); }

at::Tensor StandardRingAttention::forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                          const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                          bool already_split, std::optional<std::int64_t> shard_offset) {
  return forward_with_lse(query, key, value, attention_mask, is_causal, already_split, shard_offset).out;
}

Partial StandardRingAttention::forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                                const std::optional<at::Tensor>& attention_mask, bool is_causal,
                                                bool already_split, std::optional<std::int64_t> shard_offset) {
  check_inputs(query, key, value);
  check_named(config_, query);
  if (already_split)
    return forward_split({query, key, value, attention_mask.value_or(at::Tensor())}, is_causal, shard_offset);
  if (shard_offset)
    throw UsageError(fmt::format("shard_offset: {} given, but already_split is false; the rows are the whole sequence",
                                 *shard_offset));
  const Sequence sequence{query.size(0), query.size(1), query.size(2), key.size(2), query.scalar_type()};
  return forward_made(sequence, attention_mask, is_causal, [&](const Positions& own, const BatchShare& share) {
    const auto rows = [&](const at::Tensor& whole) { return own_rows(whole.narrow(0, share.begin, share.count), own); };
    return OwnRows{rows(query), rows(key), rows(value)};
  });
}

Partial StandardRingAttention::forward_made(const Sequence& sequence, const std::optional<at::Tensor>& attention_mask,
                                            bool is_causal,
                                            const std::function<OwnRows(const Positions&, const BatchShare&)>& make) {
  const BatchShare share = batch_share(sequence.batch);
  Problem problem = problem_of(sequence.seq_len, sequence.heads, sequence.kv_heads, is_causal);
  at::Tensor mask = attention_mask.value_or(at::Tensor());
  if (mask.defined()) problem.mask = mask_shape(mask, sequence, sequence.seq_len);
  const std::shared_ptr<Attention> attention = attention_for(problem, false);
  const Positions own = attention->query_positions(ring().rank(), ring().world_size());
  if (mask.defined()) mask = own_rows(batch_of(mask, share), own, problem.mask.kind == MaskKind::keys ? 1 : 2);
  const OwnRows rows = make(own, share);
  return run(attention, {rows.query, rows.key, rows.value, mask});
}

Partial StandardRingAttention::forward_split(const RankInputs& own, bool is_causal,
                                             std::optional<std::int64_t> shard_offset) {
  const at::Tensor& query = own.query;
  const std::vector<std::int64_t> shard_rows = gather_shards(ring(), config_.layout, query.size(1), shard_offset);
  const Sequence sequence{.batch = query.size(0),
                          .seq_len = std::accumulate(shard_rows.begin(), shard_rows.end(), std::int64_t{0}),
                          .heads = query.size(2),
                          .kv_heads = own.key.size(2),
                          .dtype = query.scalar_type()};
  Problem problem = problem_of(sequence.seq_len, sequence.heads, sequence.kv_heads, is_causal);
  if (own.mask.defined()) problem.mask = mask_shape(own.mask, sequence, query.size(1));
  return run(attention_for(problem, true, shard_rows), own);
}

Positions StandardRingAttention::positions(std::int64_t seq_len, std::int64_t heads, bool is_causal, bool already_split,
                                           std::int64_t kv_heads) {
  return attention_for(problem_of(seq_len, heads, kv_heads, is_causal), already_split)
      ->query_positions(ring().rank(), ring().world_size());
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

std::shared_ptr<Attention> StandardRingAttention::do_make(const RingAttentionConfig& config, const Problem& problem,
                                                          const std::optional<std::vector<std::int64_t>>& shard_rows) {
  const bool is_given = shard_rows && config.layout == Layout::contiguous;
  auto attention = is_given ? std::make_shared<RingAttention>(config, problem, *shard_rows)
                            : std::make_shared<RingAttention>(config, problem, ring().world_size());
  if (shard_rows) check_shards(attention->layout(), *shard_rows);
  attention->record_in(records_);
  return attention;
}

std::shared_ptr<Attention> StandardRingAttention::attention_for(
    const Problem& problem, bool already_split, const std::optional<std::vector<std::int64_t>>& shard_rows) {
  for (const Planned& planned : planned_) {
    if (planned.already_split == already_split && planned.shard_rows == shard_rows && planned.problem == problem)
      return planned.attention;
  }
  RingAttentionConfig config = config_;
  if (already_split && config.layout == Layout::automatic) config.layout = Layout::contiguous;
  std::shared_ptr<Attention> attention = do_make(config, problem, shard_rows);
  if (planned_.size() >= kPlannedMax) planned_.erase(planned_.begin());
  planned_.push_back({problem, already_split, shard_rows, std::move(attention)});
  return planned_.back().attention;
}

}  // namespace ringattn
