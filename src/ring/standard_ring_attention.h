#pragma once

#include "comm/communicator.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"
#include "ring/ring_attention.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// Ring attention with the migration guide's interface: one object per rank, called by all ranks of the communicator
/// together.
///
///   StandardRingAttention attention(config, communicator);
///   at::Tensor out = attention.forward(query, key, value, /*attention_mask=*/{}, /*is_causal=*/true);
///
/// Computes the function that `config` names (pattern, segment_lengths, dilation_rates), exactly, whatever the number
/// of ranks. Nothing of n rows is ever gathered. Cost: see plan/cost.h.
class StandardRingAttention {
 public:
  /// Throws UsageError for a configuration against the rules, Unavailable for one that names something this build
  /// cannot run. The communicator must outlive the object.
  StandardRingAttention(RingAttentionConfig config, Communicator& communicator);

  /// query: (batch, seq, heads, dim); key, value: (batch, seq, key heads, dim), key heads dividing heads; one dtype
  /// (fp32, bf16, fp16, fp64).
  ///   attention_mask: bool (true = may attend), or additive in fp32 or the inputs' dtype. (batch, seq): of keys, and
  ///   only the rank's own part is kept, which travels with them. (batch, 1 or heads, seq, n): the rows of the queries
  ///   are kept, O(n²/k). Batch may be 1. already_split = false: seq is the whole sequence; the rank takes its own rows
  ///   before anything is computed. already_split = true: seq is the rank's own rows. `layout: auto` and contiguous:
  ///   shards of any sizes, 0 rows too, one after the other in rank order; what they are is asked of all ranks (two
  ///   numbers each). zigzag and striped: the rows of `positions`, in their order.
  ///   shard_offset: where the caller takes its rows to begin in the sequence, checked against the shards before it;
  ///   only with already_split and contiguous shards. Ranks may state it or not.
  /// Returns the rank's own rows, (batch, local rows, heads, dim), in the inputs' dtype; rows that see no key are 0.
  /// Where an input requires gradients they are recorded: out.backward() gives dq, dk and dv through the ring
  /// (ring/differentiable.h).
  /// Errors: UsageError (shapes; shards or an offset that contradict the layout, on every rank alike), RuntimeFailure
  /// (a peer failed; every rank gets it).
  at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                     bool already_split = false, std::optional<std::int64_t> shard_offset = std::nullopt);

  /// The same with the logsumexp: lse (batch, heads, local rows).
  Partial forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                           bool already_split = false, std::optional<std::int64_t> shard_offset = std::nullopt);

  /// forward for whoever makes query, key and value of a whole sequence and would rather make this rank's rows of them
  /// alone: `make` is told which those are and returns them, (batch, local rows, heads or kv_heads, dim). The mask is
  /// that of the whole sequence.
  struct Sequence {
    std::int64_t batch = 1;
    std::int64_t seq_len = 1;
    std::int64_t heads = 1;
    std::int64_t kv_heads = 1;
    at::ScalarType dtype = at::kFloat;
  };
  struct OwnRows {
    at::Tensor query;
    at::Tensor key;
    at::Tensor value;
  };
  Partial forward_made(const Sequence& sequence, const std::optional<at::Tensor>& attention_mask, bool is_causal,
                       const std::function<OwnRows(const Positions&)>& make);

  /// The global positions of this rank's rows for a sequence of `seq_len` rows of `heads` heads; where shards of other
  /// sizes are given, they lie as those say. kv_heads 0: as many as heads.
  Positions positions(std::int64_t seq_len, std::int64_t heads, bool is_causal = false, bool already_split = false,
                      std::int64_t kv_heads = 0);

  /// What holds for the calls that follow; the same on every rank.
  struct Options {
    Window window{};
    std::vector<std::int64_t> documents{};  ///< cumulative lengths of packed documents
    bool is_training = false;               ///< config().dropout applies
    std::uint64_t dropout_seed = 0;         ///< another one for each step
  };
  void set_options(Options options) { options_ = std::move(options); }

  const RingAttentionConfig& config() const { return config_; }

 private:
  struct Planned {
    Problem problem;
    bool already_split;
    std::optional<std::vector<std::int64_t>> shard_rows;
    std::shared_ptr<RingAttention> attention;
  };
  Problem problem_of(std::int64_t seq_len, std::int64_t heads, std::int64_t kv_heads, bool is_causal) const;
  Partial forward_split(const RankInputs& own, bool is_causal, std::optional<std::int64_t> shard_offset);
  /// `shard_rows`: of all ranks, where the inputs came split; nothing: the layout's own.
  std::shared_ptr<RingAttention> attention_for(
      const Problem& problem, bool already_split,
      const std::optional<std::vector<std::int64_t>>& shard_rows = std::nullopt);

  RingAttentionConfig config_;
  Communicator& communicator_;
  Options options_;
  std::vector<Planned> planned_;
};

}  // namespace ringattn
