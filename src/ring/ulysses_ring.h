#pragma once

#include "ring/head_exchange.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ringattn {

/// Two dimensions of ranks: k = inner · outer. Each `inner` neighbouring ranks exchange heads for rows, so that each
/// has 1/inner of the heads of the rows of all of them; rings of `outer` ranks, every inner-th one, then compute those
/// heads by RingAttention, and the results go back. So K and V go round a ring of k/inner ranks instead of k, and what
/// moves inside the inner groups is query, key, value and out once.
///   Sent forward, a rank: (1 - 1/inner) of its query, key, value, out and lse, and the ring's for its heads.
///   Memory above the inputs: its heads' query, key and value, and the ring's; or out and lse twice.
/// The same numbers as RingAttention's, but for rounding.
class UlyssesRing final : public Attention {
 public:
  /// UsageError where `inner` doesn't divide world_size or the heads, or the key heads neither divide it nor are
  /// divided by it. `shard_rows`: as RingAttention's, of all k ranks.
  UlyssesRing(const RingAttentionConfig& config, const Problem& problem, int world_size, int inner,
              std::optional<std::vector<std::int64_t>> shard_rows = std::nullopt);

  int inner() const { return inner_; }
  int outer() const { return world_size_ / inner_; }
  /// The ring of the inner group's rank `place`: what its heads cost. Its rank is the group's number.
  RingAttention& ring(int place) { return *rings_[static_cast<std::size_t>(place)]; }
  HeadRange heads(int place) const { return heads_[static_cast<std::size_t>(place)]; }
  HeadRange key_heads(int place) const { return key_heads_[static_cast<std::size_t>(place)]; }
  LayoutKind layout_kind() const { return rings_.front()->layout().kind; }
  /// Rows of each rank of the inner group that `rank` is in.
  std::vector<std::int64_t> group_rows(int rank) const;
  /// Records lie under the ranks of the whole world.
  void record_in(const std::shared_ptr<CallRecords>& records);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override { return do_query_positions(rank, world_size); }
  void do_prepare(Communicator&, const RankInputs&) override {}
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return {}; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;

  /// Tensors with the heads of queries, keys and values, to be exchanged.
  std::vector<HeadExchange::Part> parts_of(const at::Tensor& query, const at::Tensor& key,
                                           const at::Tensor& value) const;

  int world_size_;
  int inner_;
  RecoveryPolicy recovery_;
  std::vector<HeadRange> heads_;
  std::vector<HeadRange> key_heads_;
  std::vector<std::unique_ptr<RingAttention>> rings_;
  std::optional<std::vector<std::int64_t>> shard_rows_;
  std::shared_ptr<CallRecords> records_ = std::make_shared<CallRecords>();
};

}  // namespace ringattn
