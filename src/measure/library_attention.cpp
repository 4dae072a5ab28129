#include "measure/library_attention.h"

#include "config/error.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn {
namespace {

AttentionFunction dense(const AttentionFunction& function) {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  return resolve_function(config, {.seq_len = function.seq_len,
                                   .heads = function.heads,
                                   .is_causal = function.is_causal,
                                   .kv_heads = function.kv_heads});
}

/// (batch, rows, key heads, dim) to (batch, heads, rows, dim).
at::Tensor by_head(const at::Tensor& rows, std::int64_t heads) {
  const at::Tensor transposed = rows.transpose(1, 2);
  const std::int64_t copies = heads / rows.size(2);
  return copies == 1 ? transposed : transposed.repeat_interleave(copies, 1);
}

}  // namespace

LibraryAttention::LibraryAttention(const AttentionFunction& function)
    : Attention(dense(function)), backend_(make_sdpa_backend()) {}

Positions LibraryAttention::do_query_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

Positions LibraryAttention::do_key_positions(int rank, int world_size) const {
  return do_query_positions(rank, world_size);
}

Partial LibraryAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  if (communicator.world_size() != 1) throw RuntimeFailure("the library's kernel alone runs on one rank");
  const AttentionFunction& f = function();
  Partial result = backend_->forward({.query = inputs.query.transpose(1, 2),
                                      .key = by_head(inputs.key, f.heads),
                                      .value = by_head(inputs.value, f.heads),
                                      .rule = f.is_causal ? MaskRule::causal : MaskRule::full,
                                      .softmax_scale = 1.0 / std::sqrt(static_cast<double>(inputs.query.size(3)))});
  return {result.out.transpose(1, 2), result.lse};
}

}  // namespace ringattn
