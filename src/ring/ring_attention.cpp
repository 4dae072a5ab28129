#include "ring/ring_attention.h"

#include "attention/backward_executor.h"
#include "config/error.h"
#include "plan/choose_layout.h"

#include <fmt/format.h>

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

}  // namespace

/// Rank threads share one RingAttention and ask for their plans at the same time.
struct RingAttention::Plans {
  std::mutex mutex;
  std::map<int, Plan> by_rank;
  std::map<int, std::vector<Return>> returns_by_rank;
};

RingAttention::RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size,
                             std::optional<std::vector<std::int64_t>> shard_rows)
    : Attention(resolve_function(config, problem)),
      pattern_(make_pattern(function())),
      layout_(layout_of(config, pattern_, world_size, std::move(shard_rows))),
      backend_(make_backend(config.backend, function())),
      options_{.overlap_communication = config.overlap_communication},
      plans_(std::make_shared<Plans>()) {}

RingAttention::RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size)
    : RingAttention(config, problem, world_size, std::nullopt) {}

RingAttention::RingAttention(const RingAttentionConfig& config, const Problem& problem,
                             std::vector<std::int64_t> shard_rows)
    : RingAttention(config, problem, 0, std::optional(std::move(shard_rows))) {}

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

Positions RingAttention::do_query_positions(int rank, int world_size) const {
  if (world_size != layout_.world_size)
    throw UsageError(
        fmt::format("world_size: {} ranks, but this attention was planned for {}", world_size, layout_.world_size));
  return layout_.positions(rank);
}

Positions RingAttention::do_key_positions(int rank, int world_size) const {
  return do_query_positions(rank, world_size);
}

Partial RingAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  return execute(plan(communicator.rank()), inputs, communicator, *backend_, options_);
}

Gradients RingAttention::do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                     const at::Tensor& grad_out) {
  const int rank = communicator.rank();
  return execute_backward(plan(rank), returns(rank), inputs, result, grad_out, communicator, *backend_, options_);
}

}  // namespace ringattn
