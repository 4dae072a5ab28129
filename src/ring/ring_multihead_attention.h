#pragma once

#include "attention/fused_projection.h"
#include "ring/standard_ring_attention.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// Multi-head attention around the ring: fused query, key and value projection, ring attention, output projection. Each
/// rank projects its own rows alone, so that nothing of n rows is made; the old order, which projects n rows on every
/// rank and then splits, gives the same result for n/k times the memory and arithmetic.
///
///   RingMultiheadAttention attention({.embed_dim = 512, .heads = 8}, config, communicator);
///   at::Tensor y = attention.forward(x, /*attention_mask=*/{}, /*is_causal=*/true);
///   loss(y).backward();
///   attention.sum_gradients();   // then the same step on every rank
///
/// One object per rank, called by all ranks of the communicator together. The parameters are leaves that require
/// gradients, of which every rank holds its own copy; they are equal as long as each takes the same steps.
class RingMultiheadAttention {
 public:
  struct Options {
    std::int64_t embed_dim = 0;
    std::int64_t heads = 1;     ///< a divisor of embed_dim
    std::int64_t kv_heads = 0;  ///< a divisor of heads; 0: as many
    bool bias = true;
    std::uint64_t seed = 0;  ///< of the weights
    at::ScalarType dtype = at::kFloat;
  };
  /// Weights as random_projection makes them, the same on every rank: normal ones over √embed_dim, a function of seed,
  /// layer, row and column; biases 0. UsageError names the size that doesn't fit.
  RingMultiheadAttention(const Options& options, RingAttentionConfig config, Communicator& communicator);
  /// Copies of these layers, as of file_projection: "qkv_proj.weight", or "q_proj", "k_proj" and "v_proj", and
  /// "out_proj" of a safetensors file, with ".bias" where there is one.
  RingMultiheadAttention(const Projection& layers, RingAttentionConfig config, Communicator& communicator);

  /// x: (batch, seq, embed_dim) in the parameters' dtype. attention_mask, is_causal, already_split and shard_offset as
  /// in StandardRingAttention::forward; already_split = false: x is the whole sequence, of which the rank takes its own
  /// rows before it projects them.
  /// Returns the rank's own rows, (batch, local rows, embed_dim). Errors as there.
  at::Tensor forward(const at::Tensor& x, const std::optional<at::Tensor>& attention_mask = std::nullopt,
                     bool is_causal = false, bool already_split = false,
                     std::optional<std::int64_t> shard_offset = std::nullopt);

  /// The global positions of this rank's rows for a sequence of `seq_len` rows.
  Positions positions(std::int64_t seq_len, bool is_causal = false, bool already_split = false);
  /// Window, documents, dropout: what holds for the calls that follow.
  void set_options(StandardRingAttention::Options options) { attention_.set_options(std::move(options)); }

  /// qkv_proj.weight (embed + 2 · kv_heads · head_dim, embed), qkv_proj.bias, out_proj.weight, out_proj.bias; no biases
  /// where there are none. A file of these names is one that file_projection reads.
  std::vector<std::pair<std::string, at::Tensor>> named_parameters() const;
  std::vector<at::Tensor> parameters() const;
  const ProjectionSizes& sizes() const { return layers_.sizes; }

  /// After backward: adds each parameter's gradient up over the ranks (gradient_sum.h: what it costs, and in which
  /// order). Collective.
  void sum_gradients();

 private:
  RingMultiheadAttention(FusedProjection layers, RingAttentionConfig config, Communicator& communicator);

  FusedProjection layers_;
  StandardRingAttention attention_;
  Communicator& communicator_;
};

}  // namespace ringattn
