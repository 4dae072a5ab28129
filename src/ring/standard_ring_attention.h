#pragma once

#include "comm/communicator.h"
#include "config/ring_attention_config.h"
#include "ring/ring_attention.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

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

  /// query, key, value: (batch, seq, heads, dim), equal shapes and dtype (fp32, bf16, fp16, fp64).
  ///   already_split = false: seq is the whole sequence; the rank takes its own rows before anything is computed.
  ///   already_split = true: seq is the rank's own rows, in the order of `positions`; `layout: auto` then means
  ///   contiguous.
  /// Returns the rank's own rows, (batch, local rows, heads, dim), in the inputs' dtype; rows that see no key are 0.
  /// Errors: UsageError (shapes; shards that are not the layout's), Unavailable (attention_mask, which this version
  /// does not run), RuntimeFailure (a peer failed; every rank gets it).
  at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                     bool already_split = false);

  /// The same with the logsumexp: lse (batch, heads, local rows).
  Partial forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                           bool already_split = false);

  /// The global positions of this rank's rows for a sequence of `seq_len` rows of `heads` heads.
  Positions positions(std::int64_t seq_len, std::int64_t heads, bool is_causal = false, bool already_split = false);

  const RingAttentionConfig& config() const { return config_; }

 private:
  RingAttention& attention_for(std::int64_t seq_len, std::int64_t heads, bool is_causal, bool already_split);
  std::int64_t total_rows(std::int64_t local_rows, bool already_split);

  RingAttentionConfig config_;
  Communicator& communicator_;
  std::map<std::tuple<std::int64_t, std::int64_t, bool, bool>, std::unique_ptr<RingAttention>> planned_;
};

}  // namespace ringattn
