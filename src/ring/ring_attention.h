#pragma once

#include "attention/executor.h"
#include "attention/graphed_calls.h"
#include "attention/interface.h"
#include "config/ring_attention_config.h"
#include "plan/plan.h"
#include "plan/returns.h"
#include "ring/call_records.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// Exact ring attention for one function and one world: what every variant runs, behind the interface that measures old
/// and new alike. Plans are built once per rank and kept. Cost per rank: see plan/cost.h; dense: 2·(k-1) blocks of
/// ⌈n/k⌉ K and V rows over the wire, state of ⌈n/k⌉ rows, at most two received blocks.
class RingAttention final : public Attention {
 public:
  /// `config` chooses pattern, layout and backend, and its fields of ring, memory, speed and monitoring act in every
  /// call; `world_size` is needed because `layout: auto` depends on
  /// it. Throws UsageError or Unavailable for a configuration that has no meaning or cannot run here.
  RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size);
  /// The same with nothing but heads, length and causality.
  RingAttention(const RingAttentionConfig& config, std::int64_t seq_len, std::int64_t heads, bool is_causal,
                int world_size);
  /// The same where the rows already lie in contiguous shards of these sizes, one a rank, any of them 0; they sum to
  /// the problem's seq_len. UsageError where they don't, or where the configuration names another layout.
  RingAttention(const RingAttentionConfig& config, const Problem& problem, std::vector<std::int64_t> shard_rows);
  /// The same for a pattern that is made already, such as a slice of heads; `config` says how it is run. `shard_rows`:
  /// as above, or nothing for the layout's own.
  RingAttention(const RingAttentionConfig& config, Pattern pattern, int world_size,
                std::optional<std::vector<std::int64_t>> shard_rows);

  const RowLayout& layout() const { return layout_; }
  /// What computes tiles: where compile_mode is max-autotune, what `prepare` has found, once it has been called.
  const BlockBackend& backend() const;
  const Pattern& pattern() const { return pattern_; }
  ExecutorOptions executor_options() const;
  /// What `prepare` has tried, as Tuning::text; "" before, and where nothing is to be tuned.
  std::string tuning() const;
  const Plan& plan(int rank);
  const std::vector<Return>& returns(int rank);

  /// The rank's calls that were launched as CUDA graphs: compile_mode reduce-overhead on a GPU (GraphedCalls).
  std::int64_t graph_launches(int rank);

  /// What the rank's calls came to so far. Not while it is in one.
  const CallRecord& record(int rank) { return record_of(rank); }
  void reset_records() { records_->clear(); }
  /// From now on derivatives of K and V travel in bf16 where their sums are fp32; record() has what that rounds off.
  void compress_gradients() { compresses_ = true; }
  /// From now on calls are recorded there, beside those of other attentions: those of rank r under r · stride + offset.
  void record_in(std::shared_ptr<CallRecords> records, int stride = 1, int offset = 0) {
    records_ = std::move(records);
    record_stride_ = stride;
    record_offset_ = offset;
  }

 private:
  GraphedCalls& graphed_calls(int rank);
  CallRecord& record_of(int rank) { return records_->of(rank * record_stride_ + record_offset_); }
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  void do_prepare(Communicator& communicator, const RankInputs& inputs) override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return {}; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;

  struct Plans;
  class Call;
  Pattern pattern_;
  RowLayout layout_;
  std::unique_ptr<BlockBackend> backend_;
  RingAttentionConfig config_;
  ExecutorOptions options_;
  std::shared_ptr<Plans> plans_;
  std::shared_ptr<CallRecords> records_ = std::make_shared<CallRecords>();
  int record_stride_ = 1;
  int record_offset_ = 0;
  bool compresses_ = false;
};

/// What the configuration says of messages that fail or don't come.
RecoveryPolicy recovery_policy(const RingAttentionConfig& config);

}  // namespace ringattn
