#pragma once

#include "attention/executor.h"
#include "attention/interface.h"
#include "config/ring_attention_config.h"
#include "plan/plan.h"
#include "plan/returns.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// Exact ring attention for one function and one world: what every variant runs, behind the interface that measures old
/// and new alike. Plans are built once per rank and kept. Cost per rank: see plan/cost.h; dense: 2·(k-1) blocks of
/// ⌈n/k⌉ K and V rows over the wire, state of ⌈n/k⌉ rows, at most two received blocks.
class RingAttention final : public Attention {
 public:
  /// `config` chooses pattern, layout, backend and overlap; `world_size` is needed because `layout: auto` depends on
  /// it. Throws UsageError or Unavailable for a configuration that has no meaning or cannot run here.
  RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size);
  /// The same with nothing but heads, length and causality.
  RingAttention(const RingAttentionConfig& config, std::int64_t seq_len, std::int64_t heads, bool is_causal,
                int world_size);
  /// The same where the rows already lie in contiguous shards of these sizes, one a rank, any of them 0; they sum to
  /// the problem's seq_len. UsageError where they don't, or where the configuration names another layout.
  RingAttention(const RingAttentionConfig& config, const Problem& problem, std::vector<std::int64_t> shard_rows);

  const RowLayout& layout() const { return layout_; }
  const BlockBackend& backend() const { return *backend_; }
  const Pattern& pattern() const { return pattern_; }
  const ExecutorOptions& executor_options() const { return options_; }
  const Plan& plan(int rank);
  const std::vector<Return>& returns(int rank);

 private:
  RingAttention(const RingAttentionConfig& config, const Problem& problem, int world_size,
                std::optional<std::vector<std::int64_t>> shard_rows);
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return {}; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;

  struct Plans;
  Pattern pattern_;
  RowLayout layout_;
  std::unique_ptr<BlockBackend> backend_;
  ExecutorOptions options_;
  std::shared_ptr<Plans> plans_;
};

}  // namespace ringattn
