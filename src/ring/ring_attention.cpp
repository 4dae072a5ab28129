#include "ring/ring_attention.h"

#include "attention/backward_executor.h"
#include "attention/receive_buffers.h"
#include "attention/tf32.h"
#include "comm/observed_communicator.h"
#include "config/error.h"
#include "plan/choose_layout.h"
#include "ring/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

namespace ringattn {
namespace {

RowLayout layout_of(const RingAttentionConfig& config, const Pattern& pattern, int world_size,
                    std::optional<std::vector<std::int64_t>> shard_rows) {
  const std::int64_t seq_len = pattern.function.seq_len;
  if (!shard_rows) return layout_for(config, pattern, world_size);
  if (config.layout != Layout::automatic && config.layout != Layout::contiguous)
    throw UsageError(fmt::format("layout: {} deals rows by a rule of its own; shards of given sizes need contiguous",
                                 to_string(config.layout)));
  RowLayout layout = sharded_layout(std::move(*shard_rows));
  check_whole_blocks(layout, pattern.function);
  if (layout.seq_len == seq_len) return layout;
  throw UsageError(fmt::format("shard_rows: {} have {} rows in all, but the sequence has {}",
                               fmt::join(layout.shard_rows, ", "), layout.seq_len, seq_len));
}

/// What `auto` means where operations must not be joined: plain ones.
Backend backend_choice(const RingAttentionConfig& config) {
  if (config.use_fused_kernels) return config.backend;
  if (config.backend == Backend::automatic) return Backend::reference;
  if (config.backend == Backend::reference) return config.backend;
  throw UsageError(fmt::format("use_fused_kernels: false leaves no backend but reference; {} joins operations",
                               to_string(config.backend)));
}

ExecutorOptions executor_options_of(const RingAttentionConfig& config) {
  ExecutorOptions options;
  options.overlap_communication = config.overlap_communication;
  options.buffers = {.uses_pool = config.use_memory_pool,
                     .preallocates = config.preallocate_buffers,
                     .frees_early = config.aggressive_memory_cleanup};
  return options;
}

}  // namespace

RecoveryPolicy recovery_policy(const RingAttentionConfig& config) {
  RecoveryPolicy policy;
  if (config.enable_error_recovery) {
    policy.attempts = config.max_retry_attempts;
    policy.retry_delay = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(config.retry_delay, 1e9) * 1e9));
  }
  if (config.enable_watchdog)
    policy.watchdog = std::chrono::milliseconds(
        std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(config.watchdog_timeout, 1e12) * 1e3)));
  return policy;
}

/// Rank threads share one RingAttention and ask for their plans at the same time.
struct RingAttention::Plans {
  std::mutex mutex;
  std::optional<Tuning> tuning;
  std::map<int, Plan> by_rank;
  std::map<int, std::vector<Return>> returns_by_rank;
  std::map<int, GraphedCalls> recorded_by_rank;
};

RingAttention::RingAttention(const RingAttentionConfig& config, Pattern pattern, int world_size,
                             std::optional<std::vector<std::int64_t>> shard_rows)
    : Attention(pattern.function),
      pattern_(std::move(pattern)),
      layout_(layout_of(config, pattern_, world_size, std::move(shard_rows))),
      backend_(make_backend(backend_choice(config), function())),
      config_(config),
      options_(executor_options_of(config)),
      plans_(std::make_shared<Plans>()) {}

RingAttention::RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size)
    : RingAttention(config, make_pattern(resolve_function(config, problem)), world_size, std::nullopt) {}

RingAttention::RingAttention(const RingAttentionConfig& config, const Problem& problem,
                             std::vector<std::int64_t> shard_rows)
    : RingAttention(config, make_pattern(resolve_function(config, problem)), 0, std::optional(std::move(shard_rows))) {}

RingAttention::RingAttention(const RingAttentionConfig& config, std::int64_t seq_len, std::int64_t heads,
                             bool is_causal, int world_size)
    : RingAttention(config, {.seq_len = seq_len, .heads = heads, .is_causal = is_causal}, world_size) {}

const Plan& RingAttention::plan(int rank) {
  {
    const std::scoped_lock lock(plans_->mutex);
    const auto found = plans_->by_rank.find(rank);
    if (found != plans_->by_rank.end()) return found->second;
  }
  Plan plan = make_plan(pattern_, layout_, rank);
  const std::scoped_lock lock(plans_->mutex);
  return plans_->by_rank.emplace(rank, std::move(plan)).first->second;
}

const std::vector<Return>& RingAttention::returns(int rank) {
  {
    const std::scoped_lock lock(plans_->mutex);
    const auto found = plans_->returns_by_rank.find(rank);
    if (found != plans_->returns_by_rank.end()) return found->second;
  }
  std::vector<Return> returns = make_returns(plan(rank));
  const std::scoped_lock lock(plans_->mutex);
  return plans_->returns_by_rank.emplace(rank, std::move(returns)).first->second;
}

GraphedCalls& RingAttention::graphed_calls(int rank) {
  const Plan& of = plan(rank);
  const std::scoped_lock lock(plans_->mutex);
  return plans_->recorded_by_rank.try_emplace(rank, of).first->second;
}

std::int64_t RingAttention::graph_launches(int rank) { return graphed_calls(rank).launched(); }

Positions RingAttention::do_query_positions(int rank, int world_size) const {
  if (world_size != layout_.world_size)
    throw UsageError(
        fmt::format("world_size: {} ranks, but this attention was planned for {}", world_size, layout_.world_size));
  return layout_.positions(rank);
}

Positions RingAttention::do_key_positions(int rank, int world_size) const {
  return do_query_positions(rank, world_size);
}

const BlockBackend& RingAttention::backend() const {
  const std::scoped_lock lock(plans_->mutex);
  return plans_->tuning ? *plans_->tuning->backend : *backend_;
}

ExecutorOptions RingAttention::executor_options() const {
  ExecutorOptions options = options_;
  const std::scoped_lock lock(plans_->mutex);
  if (plans_->tuning) options.partial_bytes_max = plans_->tuning->partial_bytes_max;
  return options;
}

std::string RingAttention::tuning() const {
  const std::scoped_lock lock(plans_->mutex);
  return plans_->tuning ? plans_->tuning->text() : "";
}

/// What the configuration puts around one call of one rank: recovery, counters, trace, and memory given back at its
/// end.
class RingAttention::Call {
 public:
  Call(RingAttention& ring, Communicator& communicator, const at::Device& device)
      : ring_(ring),
        device_(device),
        record_(ring.record_of(communicator.rank())),
        trace_(ring.config_.enable_profiling ? &record_.trace : nullptr),
        span_(trace_, "call", "call", 0),
        observed_(communicator, record_.statistics, trace_) {
    observed_.set_recovery(recovery_policy(ring.config_));
    if (!ring.config_.use_tf32 && !device.is_cpu()) without_tf32_.emplace();
    ++record_.statistics.total_ring_passes;
  }
  ~Call() {
    try {
      if (ring_.config_.aggressive_memory_cleanup) give_memory_back(device_);
    } catch (...) {  // the device has failed: its next use says so
    }
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Communicator& communicator() { return observed_; }
  ExecutorOptions options() const {
    ExecutorOptions options = ring_.executor_options();
    options.trace = trace_;
    if (ring_.compresses_) options.compression = &record_.compression;
    return options;
  }

 private:
  RingAttention& ring_;
  at::Device device_;
  CallRecord& record_;
  TraceLog* trace_;
  TraceSpan span_;
  ObservedCommunicator observed_;
  std::optional<WithoutTf32> without_tf32_;
};

void RingAttention::do_prepare(Communicator& communicator, const RankInputs& inputs) {
  if (config_.compile_mode != CompileMode::max_autotune) return;
  {
    const std::scoped_lock lock(plans_->mutex);
    if (plans_->tuning) return;  // nobody gets here before all ranks have measured
  }
  Tuning tuning = tune(plan(communicator.rank()), inputs, communicator, config_, options_);
  const std::scoped_lock lock(plans_->mutex);
  if (!plans_->tuning) plans_->tuning = std::move(tuning);
}

Partial RingAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  Call call(*this, communicator, inputs.query.device());
  if (config_.compile_mode == CompileMode::reduce_overhead && !inputs.query.is_cpu())
    return graphed_calls(communicator.rank()).run(inputs, call.communicator(), backend(), call.options());
  return execute(plan(communicator.rank()), inputs, call.communicator(), backend(), call.options());
}

Gradients RingAttention::do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                     const at::Tensor& grad_out) {
  const int rank = communicator.rank();
  Call call(*this, communicator, inputs.query.device());
  return execute_backward(plan(rank), returns(rank), inputs, result, grad_out, call.communicator(), backend(),
                          call.options());
}

}  // namespace ringattn
