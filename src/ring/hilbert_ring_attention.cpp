#include "ring/hilbert_ring_attention.h"

#include "plan/choose_layout.h"

#include <utility>

namespace ringattn {

RingAttentionConfig along_curve(RingAttentionConfig config) {
  config.use_hilbert = true;
  return config;
}

HilbertRingAttention::HilbertRingAttention(RingAttentionConfig config, Communicator& communicator)
    : StandardRingAttention(along_curve(std::move(config)), communicator) {}

std::string HilbertRingAttention::gain(std::int64_t seq_len, std::int64_t heads, bool is_causal) const {
  const Pattern pattern = make_pattern(resolve_function(config(), seq_len, heads, is_causal));
  return curve_remark(config(), pattern, layout_for(config(), pattern, ring().world_size()));
}

}  // namespace ringattn
