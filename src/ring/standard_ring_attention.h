#pragma once

#include "comm/communicator.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"
#include "ring/ring_attention.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
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
  ///   before anything is computed. already_split = true: seq is the rank's own rows, in the order of `positions`;
  ///   `layout: auto` then means contiguous.
  /// Returns the rank's own rows, (batch, local rows, heads, dim), in the inputs' dtype; rows that see no key are 0.
  /// Errors: UsageError (shapes; shards that are not the layout's), RuntimeFailure (a peer failed; every rank gets it).
  at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                     bool already_split = false);

  /// The same with the logsumexp: lse (batch, heads, local rows).
  Partial forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                           bool already_split = false);

  /// The global positions of this rank's rows for a sequence of `seq_len` rows of `heads` heads.
  Positions positions(std::int64_t seq_len, std::int64_t heads, bool is_causal = false, bool already_split = false);

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
    std::unique_ptr<RingAttention> attention;
  };
  Problem problem_of(std::int64_t seq_len, std::int64_t heads, bool is_causal) const;
  RingAttention& attention_for(const Problem& problem, bool already_split);
  std::int64_t total_rows(std::int64_t local_rows, bool already_split);

  RingAttentionConfig config_;
  Communicator& communicator_;
  Options options_;
  std::vector<Planned> planned_;
};

}  // namespace ringattn
